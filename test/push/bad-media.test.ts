import { cp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BundleManifest } from "../../src/bundle/read/bundle-manifest.ts";
import type { MirrorError } from "../../src/errors.ts";
import { push } from "../../src/push/push.ts";
import type { Receipt } from "../../src/push/receipt/receipt.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import type { ScannedEntry } from "../../src/tar/scan.ts";
import { entriesOf, readPackage, writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const CHUNK_BYTES = 16_000;

let original: TempDirectory;
let manifest: BundleManifest;
let files: readonly string[];
let entries: readonly ScannedEntry[];

beforeAll(async () => {
  original = await openTempDirectory();
  manifest = await writeSampleBundle(original.path, { chunkSizeBytes: CHUNK_BYTES });
  const found = manifest.packages.find(({ name }) => name === "module-foo");
  files = (found?.files ?? []).map(({ name }) => name);
  entries = await entriesOf(await readPackage(original.path, files));
});

afterAll(() => original[Symbol.asyncDispose]());

interface Pushed {
  /** What the push threw. */
  readonly error?: MirrorError;
  readonly receipt?: Receipt;
  readonly requests: number;
}

/** Damages a copy of the sample and pushes it into an empty registry. */
async function pushDamaged(damage: (directory: TempDirectory) => Promise<void>): Promise<Pushed> {
  await using directory = await openTempDirectory();
  await cp(original.path, directory.path, { recursive: true });
  await damage(directory);
  await using registry = await startFaultRegistry();
  await using client = openRegistryClient();
  try {
    const receipt = await push({
      bundlePath: directory.path,
      target: { registry: registry.host, repository: "repo" },
      openTarget: client.repository,
    });
    return { receipt, requests: registry.log.entries.length };
  } catch (error) {
    return { error: error as MirrorError, requests: registry.log.entries.length };
  }
}

async function flipBit(directory: TempDirectory, position: number): Promise<string> {
  const file = files[Math.floor(position / CHUNK_BYTES)] ?? "";
  const bytes = await readFile(directory.resolve(file));
  const at = position % CHUNK_BYTES;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  await writeFile(directory.resolve(file), bytes);
  return file;
}

function entry(matches: (item: ScannedEntry) => boolean): ScannedEntry {
  const found = entries.find(matches);
  if (!found) throw new Error("the sample has no such entry");
  return found;
}

describe("push() of a bundle with wrong files", () => {
  test("names a package that SHA256SUMS lists, although bundle.json is missing too", async () => {
    const { error, requests } = await pushDamaged(async (directory) => {
      await rm(directory.resolve("bundle.json"));
      for (const file of files) await rm(directory.resolve(file));
    });
    expect(error?.code).toBe("CONTENT_MISSING");
    expect(error?.message).toContain(files[0]);
    expect(requests).toBe(0);
  });

  test("refuses packages without images", async () => {
    const { error, requests } = await pushDamaged(async (directory) => {
      for (const file of await readdir(directory.path)) await rm(directory.resolve(file));
      await writeFile(directory.resolve("images.tar"), Buffer.alloc(1024));
    });
    expect(error?.code).toBe("CONTENT_MISSING");
    expect(error?.message).toContain("holds no image to push");
    expect(requests).toBe(0);
  });

  test.each(["first", "middle", "last"])(
    "names a missing %s chunk and asks for nothing",
    async (which) => {
      const index =
        { first: 0, middle: Math.floor(files.length / 2), last: files.length - 1 }[which] ?? 0;
      const file = files[index] ?? "";
      const { error, requests } = await pushDamaged((directory) => rm(directory.resolve(file)));
      expect(error?.code).toBe("CONTENT_MISSING");
      expect(error?.message).toContain(file);
      expect(requests).toBe(0);
    },
  );

  test("names a chunk that is cut off and asks for nothing", async () => {
    const file = files[1] ?? "";
    const { error, requests } = await pushDamaged((directory) =>
      truncate(directory.resolve(file), CHUNK_BYTES - 1),
    );
    expect(error?.code).toBe("BUNDLE_CORRUPT");
    expect(error?.message).toContain(file);
    expect(requests).toBe(0);
  });

  test("names a chunk of another bundle that lies beside it and asks for nothing", async () => {
    const stale = `module-foo.tar.${String(files.length).padStart(4, "0")}.chunk`;
    const { error, requests } = await pushDamaged((directory) =>
      writeFile(directory.resolve(stale), "left over"),
    );
    expect(error?.code).toBe("BUNDLE_CORRUPT");
    expect(error?.message).toContain(stale);
    expect(requests).toBe(0);
  });

  test("names one of two chunks that are swapped and publishes nothing wrong", async () => {
    const [first = "", second = ""] = files;
    const { error, receipt } = await pushDamaged(async (directory) => {
      await rename(directory.resolve(first), directory.resolve("aside"));
      await rename(directory.resolve(second), directory.resolve(first));
      await rename(directory.resolve("aside"), directory.resolve(second));
    });
    expect(receipt?.complete ?? false).toBe(false);
    const text = `${error?.message} ${receipt?.failures.map(({ message }) => message).join(" ")}`;
    expect([first, second].some((file) => text.includes(file))).toBe(true);
  });
});

describe("push() of a bundle with one flipped bit", () => {
  test("in a tar header names file and byte, and asks for nothing", async () => {
    const { headerOffset } = entry(({ size }) => size > 9_000);
    let file = "";
    const { error, requests } = await pushDamaged(async (directory) => {
      file = await flipBit(directory, headerOffset + 130);
    });
    expect(error?.code).toBe("BUNDLE_CORRUPT");
    expect(error).toMatchObject({ location: { offset: headerOffset % CHUNK_BYTES } });
    expect(error?.message).toContain(file);
    expect(requests).toBe(0);
  });

  test("in index.json names the tag about which it and bundle.json differ, and asks for nothing", async () => {
    const { offset, size } = entry(({ path }) => path.endsWith("index.json"));
    const bytes = await readPackage(original.path, files);
    const digest = bytes.subarray(offset, offset + size).indexOf("sha256:");
    const { error, requests } = await pushDamaged(async (directory) => {
      await flipBit(directory, offset + digest + 10);
    });
    expect(error?.code).toBe("BUNDLE_CORRUPT");
    expect(error?.message).toMatch(/bundle\.json.* modules\/foo\S*:/);
    expect(requests).toBe(0);
  });

  test.each([
    ["manifest", ({ size }: ScannedEntry) => size > 300 && size < 1_000],
    ["layer", ({ size }: ScannedEntry) => size > 15_000],
  ])("in a %s fails the images that need it and publishes the others", async (_, matches) => {
    const hit = entry((item) => item.path.includes("/blobs/") && matches(item));
    let file = "";
    const { receipt } = await pushDamaged(async (directory) => {
      file = await flipBit(directory, hit.offset + 20);
    });
    expect(receipt?.complete).toBe(false);
    const [failure] = receipt?.failures ?? [];
    expect(failure?.code).toBe("CONTENT_MISMATCH");
    expect(failure?.message).toContain(file);
    const failed = receipt?.images.filter(({ outcome }) => outcome === "failed") ?? [];
    const pushed = receipt?.images.filter(({ outcome }) => outcome === "pushed") ?? [];
    expect(failed.length).toBeGreaterThan(0);
    expect(pushed.length).toBeGreaterThan(0);
    expect(pushed.every(({ planned, found }) => planned === found)).toBe(true);
  });

  test("in a layer names all files that the layer lies in", async () => {
    const chunkOf = (position: number) => Math.floor(position / CHUNK_BYTES);
    const hit = entry(({ offset, size }) => chunkOf(offset) < chunkOf(offset + size - 1));
    const { receipt } = await pushDamaged(async (directory) => {
      await flipBit(directory, hit.offset + hit.size - 1);
    });
    const [failure] = receipt?.failures ?? [];
    expect(failure?.message).toContain(files[chunkOf(hit.offset)]);
    expect(failure?.message).toContain(files[chunkOf(hit.offset + hit.size - 1)]);
  });

  test("in padding, which nothing is made of, changes nothing that is published", async () => {
    const hit = entry(({ size }) => size > 9_000 && size % 512 !== 0);
    const { receipt } = await pushDamaged(async (directory) => {
      await flipBit(directory, hit.offset + hit.size + 1);
    });
    expect(receipt?.complete).toBe(true);
    expect(receipt?.images.every(({ planned, found }) => planned === found)).toBe(true);
  });
});
