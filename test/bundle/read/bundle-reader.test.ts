import { once } from "node:events";
import { readFile, truncate, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { BundleContentMismatchError } from "../../../src/bundle/errors.ts";
import { planPackage } from "../../../src/bundle/format/bundle-plan.ts";
import { type BundleReader, openBundle } from "../../../src/bundle/read/bundle-reader.ts";
import { pseudoRandomBytes } from "../../../src/demo/pseudo-random.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { formatEntryHeader } from "../../../src/tar/entry-header.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";
import { type Blobs, bytesOf, imageContents, packageContents } from "../support/contents.ts";

interface Sample extends AsyncDisposable {
  readonly directory: TempDirectory;
  readonly tar: Buffer;
  readonly blobs: Blobs;
  /** The largest layer. */
  readonly layer: Descriptor;
}

const LAYER_BYTES = 5000;

/** A package in chunks, as another program would leave it: without `bundle.json`. */
async function openSample(chunkSizeBytes = 777, layerBytes = LAYER_BYTES): Promise<Sample> {
  const directory = await openTempDirectory();
  const blobs: Blobs = new Map();
  const image = imageContents(blobs, "v1", { layers: { a: 100 } });
  const bytes = pseudoRandomBytes(3, 0, layerBytes);
  const layer = { mediaType: "x", digest: digestOf(bytes), size: bytes.length };
  blobs.set(layer.digest, bytes);
  const contents = packageContents([{ ...image, layers: [...image.layers, layer] }]);
  const plan = planPackage(contents, chunkSizeBytes);
  const tar = bytesOf(plan, blobs);
  let start = 0;
  for (const { name, size } of plan.files) {
    await writeFile(directory.resolve(name), tar.subarray(start, start + size));
    start += size;
  }
  const dispose = () => directory[Symbol.asyncDispose]();
  return { directory, tar, blobs, layer, [Symbol.asyncDispose]: dispose };
}

function layoutOf({ layouts }: BundleReader) {
  const [layout] = layouts;
  if (!layout) throw new Error("the bundle has no layout");
  return layout;
}

/** What a consumer gets before the stream ends or fails. */
async function drain(body: Readable): Promise<{ readonly bytes: number; readonly error: unknown }> {
  let bytes = 0;
  try {
    for await (const piece of body) bytes += (piece as Buffer).length;
    return { bytes, error: undefined };
  } catch (error) {
    return { bytes, error };
  }
}

describe("openBundle()", () => {
  test("knows the place of every blob of every layout", async () => {
    await using sample = await openSample();
    await using reader = await openBundle(sample.directory.path);
    const layout = layoutOf(reader);
    expect(layout).toMatchObject({ path: "modules/foo", package: 0 });
    expect(new Set(layout.blobs.keys())).toEqual(new Set(sample.blobs.keys()));
    for (const [digest, { offset, size }] of layout.blobs) {
      expect(sample.tar.subarray(offset, offset + size)).toEqual(sample.blobs.get(digest));
    }
  });

  test("throws the first problem with its files before it reads any", async () => {
    await using sample = await openSample();
    await writeFile(sample.directory.resolve("module-foo.tar"), "surplus");
    await expect(openBundle(sample.directory.path)).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
      message: expect.stringContaining("claims the same part"),
    });
  });

  const entry = (path: string, content = "x") =>
    Buffer.concat([
      formatEntryHeader({ path, size: content.length }),
      Buffer.from(content),
      Buffer.alloc(512 - content.length),
    ]);

  test.each([
    ["../index.json", /not part of an OCI image layout/],
    ["modules/../../index.json", /not part of an OCI image layout/],
    ["/modules/foo/index.json", /not part of an OCI image layout/],
    ["modules/foo/run.sh", /not part of an OCI image layout/],
    ["modules/foo/index.json", /is there twice/],
    ["./modules/foo/index.json", /is there twice/],
  ])('refuses a package with the entry "%s" and names its place', async (path, reason) => {
    await using directory = await openTempDirectory();
    const good = entry("modules/foo/index.json");
    const tar = Buffer.concat([good, entry(path), Buffer.alloc(1024)]);
    await writeFile(directory.resolve("a.tar"), tar);
    await expect(openBundle(directory.path)).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
      location: { path: directory.resolve("a.tar"), offset: 1024 },
      message: expect.stringMatching(reason),
    });
  });

  test("names the chunk in which a header is damaged", async () => {
    await using sample = await openSample();
    const path = sample.directory.resolve("module-foo.tar.0001.chunk");
    const bytes = await readFile(path);
    // The second header starts at byte 1024 of the package
    bytes.writeUInt8(1, 1024 - 777 + 50);
    await writeFile(path, bytes);
    await expect(openBundle(sample.directory.path)).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
      location: { path, offset: 1024 - 777 },
    });
  });
});

describe("BundleReader", () => {
  test.each([100, 511, 777, 100_000])("reads any range over chunks of %i bytes", async (chunk) => {
    await using sample = await openSample(chunk, 600);
    await using reader = await openBundle(sample.directory.path);
    const place = reader.placeOf(layoutOf(reader), sample.layer.digest);
    const bytes = sample.blobs.get(sample.layer.digest) ?? Buffer.alloc(0);
    for (const [position, length] of [
      [0, 600],
      [0, 1],
      [599, 1],
      [100, 450],
      [590, 100],
    ] as const) {
      const found = Buffer.alloc(length);
      const count = await reader.read(place, position, found);
      expect(found.subarray(0, count)).toEqual(bytes.subarray(position, position + length));
    }
  });

  test("streams a blob from any offset", async () => {
    await using sample = await openSample();
    await using reader = await openBundle(sample.directory.path);
    const bytes = sample.blobs.get(sample.layer.digest);
    for (const offset of [0, 1, 2500, LAYER_BYTES - 1, LAYER_BYTES]) {
      const body = reader.openBlob(layoutOf(reader), sample.layer, { offset });
      expect(await buffer(body)).toEqual(bytes?.subarray(offset));
    }
  });

  test("finds a blob in whichever layout", async () => {
    await using sample = await openSample();
    await using reader = await openBundle(sample.directory.path);
    expect(reader.findBlob(sample.layer.digest)?.size).toBe(LAYER_BYTES);
    expect(reader.findBlob(`sha256:${"0".repeat(64)}`)).toBeUndefined();
  });

  test("names layout and blob when a blob is not there", async () => {
    await using sample = await openSample();
    await using reader = await openBundle(sample.directory.path);
    const digest = `sha256:${"0".repeat(64)}`;
    expect(() => reader.openBlob(layoutOf(reader), { mediaType: "x", digest, size: 1 })).toThrow(
      expect.objectContaining({
        code: "BUNDLE_CORRUPT",
        message: expect.stringContaining(`layout "modules/foo" lacks blob ${digest}`),
      }),
    );
  });

  test("refuses a blob whose descriptor has another size", async () => {
    await using sample = await openSample();
    await using reader = await openBundle(sample.directory.path);
    expect(() => reader.openBlob(layoutOf(reader), { ...sample.layer, size: 1 })).toThrow(
      expect.objectContaining({ code: "BUNDLE_CORRUPT" }),
    );
  });

  test.each([
    ["in one read", 5000],
    ["in several reads", 2_500_000],
  ])("never passes on the last byte of a damaged blob, %s", async (_, size) => {
    await using sample = await openSample(1_000_000, size);
    const { digest } = sample.layer;
    const offset = sample.tar.indexOf(sample.blobs.get(digest) ?? "");
    const number = Math.floor(offset / 1_000_000);
    const path = sample.directory.resolve(`module-foo.tar.000${number}.chunk`);
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8((offset % 1_000_000) + 10) ^ 1, (offset % 1_000_000) + 10);
    await writeFile(path, bytes);
    await using reader = await openBundle(sample.directory.path);
    const { bytes: found, error } = await drain(reader.openBlob(layoutOf(reader), sample.layer));
    expect(found).toBeLessThan(size);
    expect(error).toBeInstanceOf(BundleContentMismatchError);
    expect(error).toMatchObject({
      code: "CONTENT_MISMATCH",
      digest,
      location: { path, offset: offset % 1_000_000 },
    });
  });

  test("hashes a blob only until it was right, where that is enough", async () => {
    await using sample = await openSample();
    await using reader = await openBundle(sample.directory.path);
    const layout = layoutOf(reader);
    const read = (verify: "always" | "once") =>
      drain(reader.openBlob(layout, sample.layer, { verify }));
    expect((await read("once")).error).toBeUndefined();
    const { path, offset } = reader.locate(reader.placeOf(layout, sample.layer.digest));
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
    await writeFile(path, bytes);
    expect(await read("once")).toEqual({ bytes: LAYER_BYTES, error: undefined });
    expect((await read("always")).error).toMatchObject({ code: "CONTENT_MISMATCH" });
  });

  test("gives nobody the last byte of a damaged blob that several read at once", async () => {
    await using sample = await openSample(1_000_000, 2_500_000);
    await using reader = await openBundle(sample.directory.path);
    const layout = layoutOf(reader);
    const { path, offset } = reader.locate(reader.placeOf(layout, sample.layer.digest));
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
    await writeFile(path, bytes);
    const open = () => reader.openBlob(layout, sample.layer, { verify: "once" });
    const stuck = open();
    await once(stuck, "readable");
    const all = await Promise.all([drain(open()), drain(open()), drain(open())]);
    for (const { bytes: found, error } of all) {
      expect(found).toBeLessThan(2_500_000);
      expect(error).toMatchObject({ code: "CONTENT_MISMATCH" });
    }
    stuck.destroy();
  });

  test("waits for no reader that stands still or leaves: others verify the blob", async () => {
    await using sample = await openSample(1_000_000, 2_500_000);
    await using reader = await openBundle(sample.directory.path);
    const open = () => reader.openBlob(layoutOf(reader), sample.layer, { verify: "once" });
    const stuck = open();
    await once(stuck, "readable");
    const whole = { bytes: 2_500_000, error: undefined };
    expect(await Promise.all([drain(open()), drain(open())])).toEqual([whole, whole]);
    stuck.destroy();
    expect(await drain(open())).toEqual(whole);
  });

  test("names the file and the byte where a file became shorter meanwhile", async () => {
    await using sample = await openSample();
    await using reader = await openBundle(sample.directory.path);
    const place = reader.placeOf(layoutOf(reader), sample.layer.digest);
    const { path } = reader.locate({ package: 0, offset: place.offset + 2000 });
    await truncate(path, 100);
    const { error } = await drain(reader.openBlob(layoutOf(reader), sample.layer));
    expect(error).toMatchObject({ code: "BUNDLE_CORRUPT", location: { path, offset: 100 } });
  });

  test("verifies documents", async () => {
    await using sample = await openSample(100_000);
    const [digest] = sample.blobs.keys();
    const offset = sample.tar.indexOf(sample.blobs.get(digest ?? "") ?? "");
    const path = sample.directory.resolve("module-foo.tar.0000.chunk");
    await using reader = await openBundle(sample.directory.path);
    const layout = layoutOf(reader);
    expect(await reader.readDocument(layout, digest ?? "")).toEqual(sample.blobs.get(digest ?? ""));
    const bytes = await readFile(path);
    bytes.writeUInt8(1, offset + 7);
    await writeFile(path, bytes);
    await expect(reader.readDocument(layout, digest ?? "")).rejects.toMatchObject({
      code: "CONTENT_MISMATCH",
      location: { path, offset },
    });
  });

  test("reads no document of more than 4 MiB", async () => {
    await using sample = await openSample(10_000_000, 4 * 1024 * 1024 + 1);
    await using reader = await openBundle(sample.directory.path);
    await expect(reader.readDocument(layoutOf(reader), sample.layer.digest)).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
    });
  });

  test("says which layout has no index.json", async () => {
    await using directory = await openTempDirectory();
    const header = formatEntryHeader({ path: "modules/foo/oci-layout", size: 0 });
    await writeFile(directory.resolve("a.tar"), Buffer.concat([header, Buffer.alloc(1024)]));
    await using reader = await openBundle(directory.path);
    await expect(reader.readIndex(layoutOf(reader))).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
      message: expect.stringContaining('layout "modules/foo" has no index.json'),
    });
  });
});
