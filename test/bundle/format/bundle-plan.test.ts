import { describe, expect, test } from "vitest";
import { planPackage } from "../../../src/bundle/format/bundle-plan.ts";
import { type Blobs, bytesOf, imageContents, packageContents } from "../support/contents.ts";
import { entriesOf } from "../support/sample-bundle.ts";

function sample(): {
  readonly blobs: Blobs;
  readonly contents: ReturnType<typeof packageContents>;
} {
  const blobs: Blobs = new Map();
  const one = imageContents(blobs, "v1", { layers: { shared: 1000, one: 5 } });
  const two = imageContents(blobs, "v2", { layers: { shared: 1000, two: 512 } });
  const release = imageContents(blobs, "stable", {
    repository: "modules/foo/release",
    layers: { shared: 1000 },
  });
  const { layouts, ...rest } = packageContents([one, two]);
  const contents = {
    ...rest,
    layouts: [...layouts, { path: "modules/foo/release", images: [release] }],
  };
  return { blobs, contents };
}

const names = (paths: Iterable<{ readonly path: string }>) => Array.from(paths, ({ path }) => path);

describe("planPackage()", () => {
  test("puts oci-layout and index.json first, then documents, then layers", () => {
    const { contents } = sample();
    const [layout] = contents.layouts;
    const [one, two] = layout?.images ?? [];
    const blob = (digest = "") => `modules/foo/blobs/sha256/${digest.slice(7)}`;
    const plan = planPackage(contents);
    expect(names(plan.entries).slice(0, 9)).toEqual([
      "modules/foo/oci-layout",
      "modules/foo/index.json",
      blob(one?.documents[0]?.digest),
      blob(one?.documents[1]?.digest),
      blob(two?.documents[0]?.digest),
      blob(two?.documents[1]?.digest),
      blob(one?.layers[0]?.digest),
      blob(one?.layers[1]?.digest),
      blob(two?.layers[1]?.digest),
    ]);
  });

  test("has a blob once in each layout that needs it", () => {
    const { contents } = sample();
    const shared = contents.layouts[0]?.images[0]?.layers[0]?.digest.slice(7) ?? "";
    const paths = names(planPackage(contents).entries);
    expect(paths.filter((path) => path.endsWith(shared))).toEqual([
      `modules/foo/blobs/sha256/${shared}`,
      `modules/foo/release/blobs/sha256/${shared}`,
    ]);
    expect(new Set(paths).size).toBe(paths.length);
  });

  test("knows every position before a byte is there", async () => {
    const { blobs, contents } = sample();
    const plan = planPackage(contents);
    const tar = bytesOf(plan, blobs);
    expect(tar).toHaveLength(plan.size);
    const entries = await entriesOf(tar);
    expect(entries).toEqual(
      [...plan.entries].map(({ path, headerOffset, offset, size }) => ({
        path,
        type: "file",
        headerOffset,
        offset,
        size,
      })),
    );
  });

  test("is the same for the same contents", () => {
    const [first, second] = [1, 2].map(() => {
      const plan = planPackage(sample().contents, 4096);
      return {
        ...plan,
        entries: [...plan.entries].map((entry) => ({ ...entry, path: entry.path })),
      };
    });
    expect(first).toEqual(second);
  });

  test("writes manifest.json only into a root layout with runnable images", () => {
    const blobs: Blobs = new Map();
    const archive = { config: `sha256:${"c".repeat(64)}`, layers: [] };
    const runnable = imageContents(blobs, "v1", { fields: { archive } });
    const plain = imageContents(blobs, "v1");
    const has = (path: string, image: typeof plain) =>
      names(planPackage(packageContents([image], { path })).entries).some((entry) =>
        entry.endsWith("manifest.json"),
      );
    expect([has("", runnable), has("", plain), has("modules/foo", runnable)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("plans one file without a chunk size", () => {
    const plan = planPackage(sample().contents);
    expect(plan.files).toEqual([{ name: "module-foo.tar", size: plan.size }]);
    expect(plan.chunkSizeBytes).toBe(plan.size);
  });

  test.each([1, 511, 512, 1000, 4096, 1_000_000])(
    "plans chunks of %i bytes, the last with the rest",
    (chunkSizeBytes) => {
      const { size, files } = planPackage(sample().contents, chunkSizeBytes);
      const last = files.at(-1);
      expect(files.slice(0, -1).every((file) => file.size === chunkSizeBytes)).toBe(true);
      expect(last?.size).toBeGreaterThan(0);
      expect(last?.size).toBeLessThanOrEqual(chunkSizeBytes);
      expect(files.reduce((sum, file) => sum + file.size, 0)).toBe(size);
      expect(files[0]?.name).toBe("module-foo.tar.0000.chunk");
    },
  );

  test("plans no empty chunk when the package ends on a border", () => {
    const { size } = planPackage(sample().contents);
    expect(planPackage(sample().contents, size / 2).files).toHaveLength(2);
    expect(planPackage(sample().contents, size).files).toEqual([
      { name: "module-foo.tar.0000.chunk", size },
    ]);
  });

  test("refuses more chunks than a name can count", () => {
    const blobs: Blobs = new Map();
    const image = imageContents(blobs, "v1");
    const layers = [{ mediaType: "x", digest: `sha256:${"e".repeat(64)}`, size: 10 ** 12 }];
    const contents = packageContents([{ ...image, layers }]);
    expect(() => planPackage(contents, 1000)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", option: "chunkSizeBytes" }),
    );
    expect(planPackage(contents, 10 ** 9).files).toHaveLength(1001);
  });

  test("plans a layer of more than 8 GiB with an extended header", () => {
    const blobs: Blobs = new Map();
    const size = 9 * 2 ** 30;
    const layers = [{ mediaType: "x", digest: `sha256:${"e".repeat(64)}`, size }];
    const plan = planPackage(packageContents([{ ...imageContents(blobs, "v1"), layers }]));
    const entry = plan.entries.at(-1);
    expect((entry?.offset ?? 0) - (entry?.headerOffset ?? 0)).toBe(3 * 512);
    expect(plan.size).toBe((entry?.offset ?? 0) + size + 1024);
  });
});
