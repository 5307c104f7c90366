import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import * as zlib from "node:zlib";
import { type Header, pack } from "tar-stream";
import { describe, expect, test } from "vitest";
import { type ExtractFilesOptions, extractFiles } from "../../src/tar/extract.ts";

type Entry = readonly [header: string | (Partial<Header> & { name: string }), content?: string];

async function tar(...entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, content = ""] of entries) {
    archive.entry(typeof header === "string" ? { name: header } : header, content);
  }
  archive.finalize();
  return buffer(archive as unknown as AsyncIterable<Buffer>);
}

class Refusal extends Error {}

async function extractFrom(
  layer: Buffer | AsyncIterable<Buffer>,
  names: readonly string[],
  options: Partial<ExtractFilesOptions> = {},
) {
  const chunks = Buffer.isBuffer(layer) ? slices(layer, 1000) : layer;
  const { files, hidden } = await extractFiles(chunks, {
    names: new Set(names),
    size: Buffer.isBuffer(layer) ? layer.length : 0,
    stopsEarly: false,
    refuse: (reason, { cause } = {}) => new Refusal(reason, { cause }),
    ...options,
  });
  return {
    files: Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.toString()])),
    hidden: [...hidden],
  };
}

async function* slices(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

describe("extractFiles()", () => {
  test.each<[string, (bytes: Buffer) => Buffer]>([
    ["a plain tar", (bytes) => bytes],
    ["gzip", (bytes) => zlib.gzipSync(bytes)],
    [
      "gzip in several members",
      (bytes) =>
        Buffer.concat([zlib.gzipSync(bytes.subarray(0, 700)), zlib.gzipSync(bytes.subarray(700))]),
    ],
  ])("reads %s", async (_, compress) => {
    const layer = compress(await tar(["version.json", "{}"], ["b/c.txt", "deep"], ["d", "other"]));
    const { files } = await extractFrom(layer, ["version.json", "b/c.txt", "missing"]);
    expect(files).toEqual({ "version.json": "{}", "b/c.txt": "deep" });
  });

  const compressZstd = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync;

  test.runIf(compressZstd)("reads zstd", async () => {
    const layer = compressZstd?.(await tar(["a", "content"])) ?? Buffer.alloc(0);
    expect(await extractFrom(layer, ["a"])).toMatchObject({ files: { a: "content" } });
  });

  // A frame that holds nothing, as `zstd:chunked` layers have at their end
  const SKIPPED = Buffer.from("502a4d1804000000deadbeef", "hex");

  test.each([
    ["one frame", (frame: Buffer) => frame],
    ["a frame behind which one is skipped", (frame: Buffer) => Buffer.concat([frame, SKIPPED])],
  ])("reads zstd of every Node.js: %s", async (_, layerOf) => {
    const layer = layerOf(Buffer.from(ZSTD_TAR, "base64"));
    expect(await extractFrom(layer, ["a"])).toMatchObject({ files: { a: "content" } });
  });

  test("refuses zstd that is damaged", async () => {
    const layer = Buffer.from("28b52ffd0400ffffffff", "hex");
    await expect(extractFrom(layer, ["a"])).rejects.toThrow(Refusal);
  });

  test("reads chunks of any size", async () => {
    const layer = zlib.gzipSync(await tar(["a", "content"]));
    expect((await extractFrom(slices(layer, 1), ["a"])).files).toEqual({ a: "content" });
  });

  test("reads an empty layer and an empty tar", async () => {
    const nothing = { files: {}, hidden: [] };
    expect(await extractFrom(Buffer.alloc(0), ["a"])).toEqual(nothing);
    expect(await extractFrom(Buffer.alloc(1024), ["a"])).toEqual(nothing);
  });

  test.each(["./version.json", "/version.json", ".//version.json"])("cleans %s", async (name) => {
    const { files } = await extractFrom(await tar([name, "{}"]), ["version.json"]);
    expect(files).toEqual({ "version.json": "{}" });
  });

  test("does not find what lies outside of the root", async () => {
    const { files } = await extractFrom(await tar(["../version.json", "{}"]), ["version.json"]);
    expect(files).toEqual({});
  });

  test("reads names longer than a tar header", async () => {
    const name = `${"d/".repeat(120)}version.json`;
    expect((await extractFrom(await tar([name, "{}"]), [name])).files).toEqual({ [name]: "{}" });
  });

  test("takes the first of two entries with one name", async () => {
    const { files } = await extractFrom(await tar(["a", "first"], ["a", "second"]), ["a"]);
    expect(files).toEqual({ a: "first" });
  });

  test.each<[string, Entry, readonly string[]]>([
    ["a whiteout of the file", ["d/.wh.a"], ["d/a"]],
    ["a whiteout of its directory", [".wh.d"], ["d/a", "d/e/b"]],
    ["an opaque directory", ["d/.wh..wh..opq"], ["d/a", "d/e/b"]],
    ["an opaque root", ["./.wh..wh..opq"], ["d/a", "d/e/b", "f"]],
    ["a directory in its place", [{ name: "d/a", type: "directory" }], ["d/a"]],
    ["a file in place of its directory", ["d/e", "file"], ["d/e/b"]],
    [
      "a link in place of its directory",
      [{ name: "d", type: "symlink", linkname: "f" }],
      ["d/a", "d/e/b"],
    ],
    ["nothing but its directory", [{ name: "d", type: "directory" }], []],
    ["a whiteout of a similar name", ["d/.wh.ab"], []],
  ])("reports what %s hides", async (_, entry, hidden) => {
    expect(await extractFrom(await tar(entry), ["d/a", "d/e/b", "f"])).toEqual({
      files: {},
      hidden: [...hidden],
    });
  });

  test("stops early when asked to", async () => {
    let isClosed = false;
    const archive = await tar(["a", "content"], ["b", "x".repeat(200_000)]);
    async function* endless() {
      try {
        yield* slices(archive, 4096);
        throw new Error("read to its end");
      } finally {
        isClosed = true;
      }
    }
    const { files } = await extractFrom(endless(), ["a"], { stopsEarly: true });
    expect(files).toEqual({ a: "content" });
    await expect.poll(() => isClosed).toBe(true);
  });

  test.each<["symlink" | "link" | "fifo"]>([["symlink"], ["link"], ["fifo"]])(
    "refuses a wanted name that is a %s",
    async (type) => {
      const layer = await tar([{ name: "a", type, linkname: "b" }]);
      await expect(extractFrom(layer, ["a"])).rejects.toThrow('"a" is not a regular file');
    },
  );

  test("refuses a wanted file of more than 4 MiB, and skips others of any size", async () => {
    const layer = zlib.gzipSync(
      await tar(["big", "x".repeat(4 * 1024 * 1024 + 1)], ["a", "content"]),
    );
    expect((await extractFrom(layer, ["a"])).files).toEqual({ a: "content" });
    await expect(extractFrom(layer, ["big"])).rejects.toThrow(/"big" is larger than 4194304 bytes/);
  });

  test("refuses a layer that expands without end", async () => {
    const member = zlib.gzipSync(await tar(["zeros", "\0".repeat(8 * 1024 * 1024)]));
    async function* bomb() {
      for (let count = 0; count < 20; count += 1) yield member;
    }
    const size = member.length * 20;
    const names = ["a"];
    await expect(extractFrom(bomb(), names, { size })).rejects.toThrow(/expands to more than/);
  });

  test.each<[string, Buffer]>([
    ["text", Buffer.from("this is not a tar archive, however long it may be ".repeat(30))],
    [
      "damaged gzip",
      Buffer.concat([zlib.gzipSync("x".repeat(5000)).subarray(0, 20), Buffer.alloc(100, 7)]),
    ],
    ["cut gzip", zlib.gzipSync(Buffer.alloc(10_000)).subarray(0, 30)],
    ["one byte", Buffer.from("x")],
  ])("refuses %s", async (_, layer) => {
    await expect(extractFrom(layer, ["a"])).rejects.toThrow("it is not a readable tar archive");
  });

  test("refuses a tar that is cut in the middle of a file", async () => {
    const layer = (await tar(["a", "x".repeat(5000)])).subarray(0, 3000);
    await expect(extractFrom(layer, ["a"])).rejects.toBeInstanceOf(Refusal);
  });

  test("passes on what fails in the source", async () => {
    const failure = new Error("connection reset");
    const archive = await tar(["a", "x".repeat(5000)]);
    async function* broken() {
      yield archive.subarray(0, 2000);
      throw failure;
    }
    await expect(extractFrom(broken(), ["a"])).rejects.toBe(failure);
    await expect(extractFrom(Readable.from(broken()), ["b"])).rejects.toBe(failure);
  });

  test("ends with the reason of the signal", async () => {
    const reason = new DOMException("stop", "AbortError");
    const controller = new AbortController();
    const archive = await tar(["a", "x".repeat(5000)]);
    async function* stalling() {
      yield archive.subarray(0, 2000);
      controller.abort(reason);
      yield archive.subarray(2000);
    }
    const { signal } = controller;
    await expect(extractFrom(stalling(), ["a"], { signal })).rejects.toBe(reason);
  });
});

/** A tar with "content" in "a". */
const ZSTD_TAR =
  "KLUv/QRoDQIAokIJELCpA0vSWU2iuYRLxDrmABnNY/Kg0m8iqVavCRDwbcNrd+MvCQogkNsd9f1MGhXg" +
  "Gax0QPJwLIAN2vMTxgJ3lirc";
