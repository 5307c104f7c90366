import { cp, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatCanonicalJson } from "../../src/bundle/format/canonical-json.ts";
import type { BundleManifest } from "../../src/bundle/read/bundle-manifest.ts";
import { formatEntryHeader } from "../../src/tar/entry-header.ts";
import type { ScannedEntry } from "../../src/tar/scan.ts";
import type { Problem } from "../../src/verify/report.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import {
  entriesOf,
  readPackage,
  resealBundle,
  sha256,
  writeSampleBundle,
} from "../bundle/support/sample-bundle.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const CHUNK_BYTES = 16_000;

/** Images of the sample bundle. */
const V100 = "modules/foo:v1.0.0";
const V110 = "modules/foo:v1.1.0";
const RELEASES = ["modules/foo/release:stable", "modules/foo/release:v1.0.0"];
const WEB = "registry.test/acme/web:2.0";

/** Pulled once; tests work on copies. */
let original: TempDirectory;
let manifest: BundleManifest;
let entries: readonly ScannedEntry[];

beforeAll(async () => {
  original = await openTempDirectory();
  manifest = await writeSampleBundle(original.path, { chunkSizeBytes: CHUNK_BYTES });
  entries = await entriesOf(await readPackage(original.path, filesOf("module-foo")));
});

afterAll(() => original[Symbol.asyncDispose]());

function filesOf(name: string): readonly string[] {
  const found = manifest.packages.find((item) => item.name === name);
  return (found?.files ?? []).map((file) => file.name);
}

const chunk = (number: number) => `module-foo.tar.000${number}.chunk`;

async function copyBundle(): Promise<TempDirectory> {
  const directory = await openTempDirectory();
  await cp(original.path, directory.path, { recursive: true });
  return directory;
}

/** The entry of `module-foo` with this blob or name. */
function entry(matches: (entry: ScannedEntry) => boolean): ScannedEntry {
  const found = entries.find(matches);
  if (!found) throw new Error("the sample has no such entry");
  return found;
}

const layerOf = (size: number) => entry((item) => item.size > size && item.size < size + 2_000);
const SHARED_LAYER = 9_000;
const LAYER_OF_V100 = 15_000;
const LAYER_OF_V110 = 25_000;

async function flipBit(directory: TempDirectory, file: string, offset: number): Promise<void> {
  const path = directory.resolve(file);
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
  await writeFile(path, bytes);
}

/** Flips a bit at a position of `module-foo` and says where that is. */
async function flipPackageBit(directory: TempDirectory, position: number) {
  const place = { file: chunk(Math.floor(position / CHUNK_BYTES)), offset: position % CHUNK_BYTES };
  await flipBit(directory, place.file, place.offset);
  return place;
}

async function problemsOf(directory: TempDirectory): Promise<readonly Partial<Problem>[]> {
  const report = await verifyBundle({ bundlePath: directory.path });
  expect(report.complete).toBe(report.problems.length === 0);
  return report.problems.map(({ message, hint, ...fields }) => fields);
}

describe("verifyBundle()", () => {
  test("finds nothing wrong with an undamaged bundle and counts what it has", async () => {
    const report = await verifyBundle({ bundlePath: original.path });
    expect(report).toMatchObject({
      complete: true,
      problems: [],
      totals: { files: 7, images: 5, blobs: 20 },
    });
    expect(new Set(report.files.map(({ status }) => status))).toEqual(new Set(["ok"]));
  });

  test("reports every byte as progress once", async () => {
    let total = 0;
    let seen = 0;
    await verifyBundle({
      bundlePath: original.path,
      onEvent: (event) => {
        if (event.type === "opened") total = event.bytes;
        else seen += event.bytes;
      },
    });
    expect(seen).toBe(total);
    expect(total).toBe(manifest.packages.reduce((sum, { size }) => sum + size, 0));
  });

  test("stops when it is aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(verifyBundle({ bundlePath: original.path, signal })).rejects.toThrow("enough");
  });
});

describe("verifyBundle() with a missing chunk", () => {
  test.each([
    ["first", 0, [V100, V110]],
    ["middle", 2, [V100, V110]],
    ["last but one", 3, [V110]],
    ["last", 4, [V110, ...RELEASES].sort()],
  ])("names the %s one and the images that need it", async (_, number, images) => {
    await using directory = await copyBundle();
    await rm(directory.resolve(chunk(number)));
    expect(await problemsOf(directory)).toEqual([
      { code: "CONTENT_MISSING", file: chunk(number), images },
    ]);
  });

  test("still finds damage in other chunks and packages", async () => {
    await using directory = await copyBundle();
    await rm(directory.resolve(chunk(3)));
    const shared = layerOf(SHARED_LAYER);
    const place = await flipPackageBit(directory, shared.offset + 100);
    await flipBit(directory, "images.tar.0001.chunk", 1000);
    const problems = await problemsOf(directory);
    expect(problems).toMatchObject([
      { code: "CONTENT_MISSING", file: chunk(3), images: [V110] },
      { code: "CONTENT_MISMATCH", file: "images.tar.0001.chunk", images: [WEB] },
      { code: "CONTENT_MISMATCH", file: place.file, entry: shared.path, images: [V100, V110] },
    ]);
  });

  test("lists the other files as sound", async () => {
    await using directory = await copyBundle();
    await rm(directory.resolve(chunk(1)));
    const { files } = await verifyBundle({ bundlePath: directory.path });
    const unsound = files.filter(({ status }) => status !== "ok");
    expect(unsound).toEqual([{ name: chunk(1), size: 0, status: "missing" }]);
  });
});

describe("verifyBundle() with wrong files", () => {
  test("says which chunks were swapped", async () => {
    await using directory = await copyBundle();
    await rename(directory.resolve(chunk(1)), directory.resolve("other"));
    await rename(directory.resolve(chunk(2)), directory.resolve(chunk(1)));
    await rename(directory.resolve("other"), directory.resolve(chunk(2)));
    const { problems } = await verifyBundle({ bundlePath: directory.path });
    expect(problems.map(({ file, message }) => [file, message.split(": ").at(-1)])).toEqual([
      [chunk(1), `it holds the bytes of "${chunk(2)}"`],
      [chunk(2), `it holds the bytes of "${chunk(1)}"`],
    ]);
    expect(problems.map(({ images }) => images)).toEqual([
      [V100, V110],
      [V100, V110],
    ]);
  });

  test("says where a truncated chunk ends", async () => {
    await using directory = await copyBundle();
    await truncate(directory.resolve(chunk(3)), 1234);
    expect(await problemsOf(directory)).toEqual([
      { code: "BUNDLE_CORRUPT", file: chunk(3), offset: 1234, images: [V110] },
    ]);
  });

  test("names a stale chunk of an older bundle, and nothing else", async () => {
    await using directory = await copyBundle();
    await writeFile(directory.resolve(chunk(5)), "left over");
    const report = await verifyBundle({ bundlePath: directory.path });
    expect(report.problems).toMatchObject([{ code: "BUNDLE_CORRUPT", file: chunk(5) }]);
    expect(report.problems[0]?.hint).toMatch(/Remove the file/);
    expect(report.files.filter(({ status }) => status !== "ok")).toEqual([
      { name: chunk(5), size: 9, status: "surplus" },
    ]);
  });

  test("names a chunk that has grown, with the position of the surplus", async () => {
    await using directory = await copyBundle();
    await writeFile(directory.resolve(chunk(4)), "more", { flag: "a" });
    const { size = 0 } = manifest.packages[1]?.files[4] ?? {};
    expect(await problemsOf(directory)).toEqual([
      { code: "BUNDLE_CORRUPT", file: chunk(4), offset: size },
    ]);
  });

  test("names a chunk that is too long once, whatever it holds", async () => {
    await using directory = await copyBundle();
    await rm(directory.resolve(chunk(4)));
    await cp(directory.resolve(chunk(3)), directory.resolve(chunk(4)));
    expect(await problemsOf(directory)).toEqual([
      {
        code: "BUNDLE_CORRUPT",
        file: chunk(4),
        offset: 14848,
        images: [V110, ...RELEASES].sort(),
      },
    ]);
  });
});

describe("verifyBundle() with one flipped bit", () => {
  test("in a tar header names the entry and the images that need it", async () => {
    await using directory = await copyBundle();
    const { headerOffset, path } = layerOf(LAYER_OF_V100);
    const place = await flipPackageBit(directory, headerOffset + 130);
    expect(await problemsOf(directory)).toEqual([
      {
        code: "BUNDLE_CORRUPT",
        file: place.file,
        offset: headerOffset % CHUNK_BYTES,
        entry: path,
        images: [V100],
      },
    ]);
  });

  test("in the name of a tar header names the place and the images that need it", async () => {
    await using directory = await copyBundle();
    const { headerOffset } = layerOf(LAYER_OF_V100);
    const place = await flipPackageBit(directory, headerOffset);
    expect(await problemsOf(directory)).toMatchObject([
      { code: "BUNDLE_CORRUPT", file: place.file, images: [V100] },
    ]);
  });

  test("in the first tar header names the entry", async () => {
    await using directory = await copyBundle();
    await flipPackageBit(directory, 124);
    expect(await problemsOf(directory)).toEqual([
      { code: "BUNDLE_CORRUPT", file: chunk(0), offset: 0, entry: "modules/foo/oci-layout" },
    ]);
  });

  test.each([
    ["a brace", 0],
    ["a source reference", 300],
  ])("in index.json (%s) names the byte and every image of the layout", async (_, at) => {
    await using directory = await copyBundle();
    const { offset, path } = entry((item) => item.path === "modules/foo/index.json");
    await flipPackageBit(directory, offset + at);
    const problems = await problemsOf(directory);
    expect(problems).toEqual([
      {
        code: "BUNDLE_CORRUPT",
        file: chunk(0),
        offset: offset + at,
        entry: path,
        images: [V100, V110],
      },
    ]);
  });

  test("in oci-layout names the byte", async () => {
    await using directory = await copyBundle();
    const { offset, path } = entry((item) => item.path === "modules/foo/release/oci-layout");
    const place = await flipPackageBit(directory, offset + 3);
    expect(await problemsOf(directory)).toEqual([
      { code: "BUNDLE_CORRUPT", ...place, entry: path },
    ]);
  });

  test("in manifest.json of images.tar names the entry", async () => {
    await using directory = await copyBundle();
    const tar = await readPackage(original.path, filesOf("images"));
    const found = (await entriesOf(tar)).find(({ path }) => path === "manifest.json");
    const offset = found?.offset ?? 0;
    await flipBit(directory, "images.tar.0000.chunk", offset + 10);
    expect(await problemsOf(directory)).toEqual([
      { code: "BUNDLE_CORRUPT", file: "images.tar.0000.chunk", offset, entry: "manifest.json" },
    ]);
  });

  test.each([
    ["a manifest", 559, V100],
    ["a config", 270, V100],
  ])("in %s names the blob and its image", async (_, size, image) => {
    await using directory = await copyBundle();
    const root = manifest.packages[1]?.layouts[0]?.images[0]?.digest ?? "";
    const first = entry((item) => item.size === size);
    const hit = size === 559 ? entry((item) => item.path.endsWith(root.slice(7))) : first;
    const place = await flipPackageBit(directory, hit.offset + 20);
    expect(await problemsOf(directory)).toEqual([
      {
        code: "CONTENT_MISMATCH",
        file: place.file,
        offset: hit.offset,
        entry: hit.path,
        digest: `sha256:${hit.path.slice(-64)}`,
        images: [image],
      },
    ]);
  });

  test("in a layer of two images names both", async () => {
    await using directory = await copyBundle();
    const hit = layerOf(SHARED_LAYER);
    await flipPackageBit(directory, hit.offset + 10);
    expect(await problemsOf(directory)).toMatchObject([
      { code: "CONTENT_MISMATCH", file: chunk(0), entry: hit.path, images: [V100, V110] },
    ]);
  });

  test("in a layer over several chunks names the chunk that has it, and no other", async () => {
    await using directory = await copyBundle();
    const hit = layerOf(LAYER_OF_V110);
    await flipPackageBit(directory, 3 * CHUNK_BYTES + 5000);
    const report = await verifyBundle({ bundlePath: directory.path });
    expect(report.problems).toMatchObject([
      { code: "CONTENT_MISMATCH", file: chunk(3), offset: 0, entry: hit.path, images: [V110] },
    ]);
    const unsound = report.files.filter(({ status }) => status !== "ok");
    expect(unsound.map(({ name, status }) => [name, status])).toEqual([[chunk(3), "corrupt"]]);
  });

  test("in the padding names the position and no image", async () => {
    await using directory = await copyBundle();
    const { offset, path, size } = layerOf(LAYER_OF_V100);
    await flipPackageBit(directory, offset + size + 1);
    expect(await problemsOf(directory)).toEqual([
      {
        code: "BUNDLE_CORRUPT",
        file: chunk(2),
        offset: (offset + size) % CHUNK_BYTES,
        entry: path,
      },
    ]);
  });

  test.each([0, 511, 512, 1023])("in byte %i of the end blocks names them", async (at) => {
    await using directory = await copyBundle();
    const { size = 0 } = manifest.packages[1] ?? {};
    await flipPackageBit(directory, size - 1024 + at);
    const { problems } = await verifyBundle({ bundlePath: directory.path });
    expect(problems).toMatchObject([{ code: "BUNDLE_CORRUPT", file: chunk(4) }]);
    expect(problems[0]?.message).toMatch(/the end-of-archive blocks are not zeros/);
  });

  test("anywhere in bundle.json is one problem with bundle.json", async () => {
    const { length } = await readFile(original.resolve("bundle.json"));
    for (let at = 0; at < length; at += 211) {
      await using directory = await copyBundle();
      await flipBit(directory, "bundle.json", at);
      const problems = await problemsOf(directory);
      expect(problems, `byte ${at}`).toEqual([
        { code: "BUNDLE_CORRUPT", file: "bundle.json", offset: 0 },
      ]);
    }
  });

  test("anywhere in SHA256SUMS is one problem with it, or with the bundle.json it speaks of", async () => {
    const text = await readFile(original.resolve("SHA256SUMS"), "utf8");
    const spoken = text.indexOf(sha256(await readFile(original.resolve("bundle.json"))));
    for (let at = 0; at < text.length; at += 31) {
      await using directory = await copyBundle();
      await flipBit(directory, "SHA256SUMS", at);
      const files = (await problemsOf(directory)).map(({ file }) => file);
      const isSpoken = at >= spoken && at < spoken + 64;
      expect(isSpoken ? ["SHA256SUMS", "bundle.json"] : ["SHA256SUMS"]).toContain(files[0]);
      expect(files, `byte ${at}`).toHaveLength(1);
    }
  });

  test("anywhere in a package is one problem in the chunk that has it", async () => {
    const { size = 0 } = manifest.packages[1] ?? {};
    for (let at = 37; at < size; at += 2999) {
      await using directory = await copyBundle();
      const { file } = await flipPackageBit(directory, at);
      const files = (await problemsOf(directory)).map((problem) => problem.file);
      expect(files, `byte ${at}`).toEqual([file]);
    }
  });
});

describe("verifyBundle() with documents that are missing or lie", () => {
  test.each(["bundle.json", "SHA256SUMS"])("misses %s", async (file) => {
    await using directory = await copyBundle();
    await rm(directory.resolve(file));
    expect(await problemsOf(directory)).toEqual([{ code: "CONTENT_MISSING", file }]);
  });

  test("without bundle.json still misses the last chunk", async () => {
    await using directory = await copyBundle();
    await rm(directory.resolve("bundle.json"));
    await rm(directory.resolve(chunk(4)));
    expect(await problemsOf(directory)).toContainEqual(
      expect.objectContaining({ code: "CONTENT_MISSING", file: chunk(4) }),
    );
  });

  test.each(["bundle.json", "SHA256SUMS"])("does not read a %s that is too large", async (file) => {
    await using directory = await copyBundle();
    await truncate(directory.resolve(file), 257 * 1024 * 1024);
    const { problems } = await verifyBundle({ bundlePath: directory.path });
    expect(problems).toMatchObject([{ code: "BUNDLE_CORRUPT", file, offset: 0 }]);
  });

  test("refuses a bundle of a newer version", async () => {
    await using directory = await copyBundle();
    const json = formatCanonicalJson({ ...manifest, schemaVersion: 2 });
    await writeFile(directory.resolve("bundle.json"), json);
    const sums = await readFile(directory.resolve("SHA256SUMS"), "utf8");
    const line = `${sha256(json)}  bundle.json`;
    await writeFile(directory.resolve("SHA256SUMS"), sums.replace(/^.*bundle\.json$/m, line));
    await expect(verifyBundle({ bundlePath: directory.path })).rejects.toMatchObject({
      code: "BUNDLE_VERSION_UNSUPPORTED",
    });
  });

  test("names a tag of bundle.json that no layout has", async () => {
    await using directory = await copyBundle();
    const [images, module] = manifest.packages;
    const [layout, ...layouts] = module?.layouts ?? [];
    const [image, ...others] = layout?.images ?? [];
    if (!images || !module || !layout || !image) throw new Error("the sample has changed");
    const claimed = { ...image, tags: [...image.tags, "v9.9.9"] };
    await resealBundle(directory.path, {
      ...manifest,
      packages: [
        images,
        { ...module, layouts: [{ ...layout, images: [claimed, ...others] }, ...layouts] },
      ],
    });
    const { problems } = await verifyBundle({ bundlePath: directory.path });
    expect(problems).toMatchObject([
      { code: "BUNDLE_CORRUPT", file: "bundle.json", images: ["modules/foo:v9.9.9"] },
    ]);
    expect(problems[0]?.message).toMatch(/it lists modules\/foo:v9\.9\.9@.*, which no layout has/);
  });

  test("names a tag of a layout that bundle.json does not list", async () => {
    await using directory = await copyBundle();
    const [images, module] = manifest.packages;
    const [, release] = module?.layouts ?? [];
    if (!images || !module || !release) throw new Error("the sample has changed");
    await resealBundle(directory.path, {
      ...manifest,
      packages: [images, { ...module, layouts: [release] }],
    });
    expect(await problemsOf(directory)).toEqual(
      [V100, V110].map((image) => ({
        code: "BUNDLE_CORRUPT",
        file: "bundle.json",
        offset: 0,
        images: [image],
      })),
    );
  });
});

describe("verifyBundle() with hostile packages", () => {
  const hostile = (path: string, content = "x") =>
    Buffer.concat([
      formatEntryHeader({ path, size: content.length }),
      Buffer.from(content),
      Buffer.alloc(512 - content.length),
    ]);

  /** Puts an entry behind the others and makes all hashes right. */
  async function append(directory: TempDirectory, bytes: Buffer): Promise<void> {
    const last = directory.resolve(chunk(4));
    const tar = await readFile(last);
    const end = tar.length - 1024;
    await writeFile(last, Buffer.concat([tar.subarray(0, end), bytes, tar.subarray(end)]));
    await resealBundle(directory.path, manifest);
  }

  test.each(["../escape", "modules/../../etc/passwd", "/etc/passwd", "modules/foo/run.sh", ""])(
    'names the entry "%s"',
    async (path) => {
      await using directory = await copyBundle();
      await append(directory, hostile(path));
      const { size = 0 } = manifest.packages[1]?.files[4] ?? {};
      const offset = size - 1024;
      expect(await problemsOf(directory)).toEqual([
        { code: "BUNDLE_CORRUPT", file: chunk(4), offset, entry: path },
      ]);
    },
  );

  test("names an entry that is there twice", async () => {
    await using directory = await copyBundle();
    await append(directory, hostile("modules/foo/oci-layout", "{}"));
    const { problems } = await verifyBundle({ bundlePath: directory.path });
    expect(problems).toMatchObject([{ file: chunk(4), entry: "modules/foo/oci-layout" }]);
    expect(problems[0]?.message).toMatch(/is there twice/);
  });

  test("names a blob whose descriptor lies about its size", async () => {
    await using directory = await openTempDirectory();
    const config = Buffer.from("{}");
    const image = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: {
          mediaType: "application/vnd.oci.image.config.v1+json",
          digest: `sha256:${sha256(config)}`,
          size: 99,
        },
        layers: [],
      }),
    );
    await writeFile(directory.resolve("module-a.tar"), tarOf(image, config));
    expect(await problemsOf(directory)).toMatchObject([
      {
        code: "BUNDLE_CORRUPT",
        file: "module-a.tar",
        digest: `sha256:${sha256(config)}`,
        images: ["modules/a:v1"],
      },
    ]);
  });

  test("names a manifest that cannot be parsed", async () => {
    await using directory = await openTempDirectory();
    await writeFile(directory.resolve("module-a.tar"), tarOf(Buffer.from('{"a":1,"a":2}')));
    expect(await problemsOf(directory)).toMatchObject([
      { code: "CONTENT_INVALID", file: "module-a.tar", images: ["modules/a:v1"] },
    ]);
  });

  /** A layout `modules/a` with one tag and these blobs, without a `bundle.json`. */
  function tarOf(root: Buffer, ...blobs: readonly Buffer[]): Buffer {
    const index = JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: `sha256:${sha256(root)}`,
          size: root.length,
          annotations: { "io.deckhouse.image.short_tag": "v1" },
        },
      ],
    });
    return Buffer.concat([
      hostile("modules/a/index.json", index),
      ...[root, ...blobs].map((bytes) =>
        hostile(`modules/a/blobs/sha256/${sha256(bytes)}`, bytes.toString("latin1")),
      ),
      Buffer.alloc(1024),
    ]);
  }
});

describe("verifyBundle() of a bundle of another program", () => {
  /** No `bundle.json` and no `SHA256SUMS`. */
  async function copyForeign(): Promise<TempDirectory> {
    const directory = await copyBundle();
    await rm(directory.resolve("bundle.json"));
    await rm(directory.resolve("SHA256SUMS"));
    return directory;
  }

  test("finds nothing wrong if nothing is", async () => {
    await using directory = await copyForeign();
    expect(await problemsOf(directory)).toEqual([]);
  });

  test("names damage by the digests of the blobs", async () => {
    await using directory = await copyForeign();
    const hit = layerOf(SHARED_LAYER);
    await flipPackageBit(directory, hit.offset + 10);
    expect(await problemsOf(directory)).toMatchObject([
      { code: "CONTENT_MISMATCH", file: chunk(0), entry: hit.path, images: [V100, V110] },
    ]);
  });

  test("names a missing chunk and the images that need it", async () => {
    await using directory = await copyForeign();
    await rm(directory.resolve(chunk(3)));
    expect(await problemsOf(directory)).toEqual([
      { code: "CONTENT_MISSING", file: chunk(3), images: [V110] },
    ]);
  });

  test("notices that the end is missing", async () => {
    await using directory = await copyForeign();
    await rm(directory.resolve(chunk(4)));
    const { problems } = await verifyBundle({ bundlePath: directory.path });
    expect(problems).toMatchObject([{ code: "BUNDLE_CORRUPT", images: [V110] }]);
    expect(problems[0]?.hint).toContain(
      `"${chunk(3)}" again from the source medium, and "${chunk(4)}"`,
    );
  });

  test.each([
    ["before the end of the archive", 1024],
    ["in the padding of its last entry", 1024 + 8],
  ])("places a cut %s at the end of the last file", async (_, count) => {
    await using directory = await copyForeign();
    const path = directory.resolve("images.tar.0001.chunk");
    const { length } = await readFile(path);
    await truncate(path, length - count);
    expect((await verifyBundle({ bundlePath: directory.path })).problems).toMatchObject([
      { code: "BUNDLE_CORRUPT", file: "images.tar.0001.chunk", offset: length - count },
    ]);
  });

  test("says that a package of another bundle is passed over", async () => {
    await using directory = await copyBundle();
    await writeFile(directory.resolve("module-other.tar"), "");
    const { complete, notices } = await verifyBundle({ bundlePath: directory.path });
    expect({ complete, notices }).toEqual({
      complete: true,
      notices: [
        {
          code: "UNLISTED_FILES",
          message:
            "1 package files are not listed in bundle.json and are passed over: module-other.tar",
        },
      ],
    });
  });

  test("reads one package alone when its file is named", async () => {
    await using directory = await copyBundle();
    await rm(directory.resolve(chunk(3)));
    const report = await verifyBundle({
      bundlePath: join(directory.path, "images.tar.0000.chunk"),
    });
    expect(report).toMatchObject({ complete: true, totals: { files: 2, images: 1 } });
    expect(report.notices).toEqual([
      {
        code: "NO_MANIFEST",
        message: expect.stringContaining("One package is read by itself"),
      },
    ]);
  });
});
