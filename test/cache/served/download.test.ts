import { writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Download, type DownloadOptions } from "../../../src/cache/served/download.ts";
import { KeptFiles } from "../../../src/cache/served/kept-files.ts";
import { StorageFailedError } from "../../../src/io/errors.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";

const MIB = 1024 * 1024;
const BYTES = Buffer.alloc(12 * MIB, "content of a layer ");
const TARGET = { digest: digestOf(BYTES), size: BYTES.length };

let directory: TempDirectory;
let files: KeptFiles;

beforeEach(async () => {
  directory = await openTempDirectory();
  files = await KeptFiles.open(directory.resolve("content"), { now: () => 0 });
});

afterEach(() => directory[Symbol.asyncDispose]());

const begin = (options: Pick<DownloadOptions, "fetch" | "fetchInto" | "onUnkept">) =>
  new Download({
    ...options,
    target: TARGET,
    files,
    partName: "parts/one",
    finalName: "blobs/one",
  });

/** As a connection gives it. */
function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 64 * 1024) yield bytes.subarray(at, at + 64 * 1024);
}

/** A disk that takes so many bytes and then fails. */
const failsAfter =
  (bytes: number): NonNullable<DownloadOptions["fetchInto"]> =>
  async (places, { onProgress, onStart, onWritten }) => {
    const path = places[0]?.[0]?.path ?? "";
    onStart(0);
    await writeFile(path, BYTES.subarray(0, bytes));
    onProgress(bytes);
    onWritten(bytes);
    throw new StorageFailedError(path, "the disk failed");
  };

describe("what a thread has begun to write when the disk fails", () => {
  test("is gone on with from there, and not kept", async () => {
    const offsets: number[] = [];
    const unkept: string[] = [];
    const download = begin({
      fetchInto: failsAfter(5 * MIB),
      fetch: (offset) => {
        offsets.push(offset);
        return Readable.from(slices(BYTES.subarray(offset)));
      },
      onUnkept: ({ code }) => unkept.push(code),
    });
    const readers = [download.open({ start: 0, end: BYTES.length })];
    readers.push(download.open({ start: 4 * MIB, end: 6 * MIB }));
    const [whole, part] = await Promise.all(readers.map((reader) => buffer(reader)));
    expect(whole?.equals(BYTES)).toBe(true);
    expect(part?.equals(BYTES.subarray(4 * MIB, 6 * MIB))).toBe(true);
    await download.finished;
    expect(offsets).toEqual([5 * MIB]);
    expect(unkept).toEqual(["STORAGE_FAILED"]);
    expect(files.names()).toEqual([]);
  });

  test("is wrong as a whole if the rest is wrong", async () => {
    const download = begin({
      fetchInto: failsAfter(5 * MIB),
      fetch: (offset) => Readable.from(slices(Buffer.alloc(BYTES.length - offset))),
      onUnkept: () => {},
    });
    const reader = buffer(download.open({ start: 0, end: BYTES.length }));
    await expect(reader).rejects.toMatchObject({ code: "CONTENT_MISMATCH" });
    await expect(download.finished).rejects.toMatchObject({ code: "CONTENT_MISMATCH" });
    expect(files.names()).toEqual([]);
  });
});
