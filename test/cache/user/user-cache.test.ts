import { readdirSync, statSync } from "node:fs";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMemoryCache } from "../../../src/cache/content-cache.ts";
import { openUserCache } from "../../../src/cache/user/user-cache.ts";
import { pseudoRandomBytes } from "../../../src/demo/pseudo-random.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

const BYTES = pseudoRandomBytes(1, 0, 1_000_000);
const LAYER = { mediaType: "x/y", digest: digestOf(BYTES), size: BYTES.length };

/** As another process would see it. */
async function open(limitBytes?: number) {
  const { above, records } = await openUserCache(directory.path, { limitBytes });
  if (!records) throw new Error("there are no records");
  return { cache: above(createMemoryCache()), records };
}

function slices(offset: number) {
  return Readable.from(
    Array.from({ length: 10 }, (_, part) =>
      BYTES.subarray(part * 100_000, (part + 1) * 100_000),
    ).slice(offset / 100_000),
  );
}

/** Reads so many bytes, as one does who has found what was wanted. */
async function readSome(bytes: number): Promise<void> {
  const { cache } = await open();
  const body = await cache.through(LAYER, slices);
  let seen = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    seen += chunk.length;
    if (seen >= bytes) break;
  }
}

function files(): string[] {
  return readdirSync(directory.path, { recursive: true })
    .map((name) => join(directory.path, String(name)))
    .filter((path) => statSync(path).isFile() && !path.endsWith(".TAG"));
}

describe("openUserCache()", () => {
  test("keeps what was read of content before enough was seen, and asks for the rest only", async () => {
    await readSome(300_000);
    const { cache } = await open();
    const begun = (await cache.begun(LAYER))?.bytes ?? 0;
    expect(begun).toBeGreaterThanOrEqual(300_000);
    expect(begun).toBeLessThan(BYTES.length);
    const offsets: number[] = [];
    const body = await cache.through(LAYER, (offset) => {
      offsets.push(offset);
      return slices(offset);
    });
    expect((await buffer(body)).equals(BYTES)).toBe(true);
    expect(offsets).toEqual([begun]);
    expect(await cache.begun(LAYER)).toBeUndefined();
    expect(await cache.keptFrom(LAYER)).toBe(0);
  });

  test("does not go on behind bytes that are not what was kept", async () => {
    await readSome(300_000);
    for (const path of files()) await writeFile(path, Buffer.alloc(300_000, "x"));
    const { cache } = await open();
    expect(await cache.begun(LAYER)).toBeUndefined();
    expect((await buffer(await cache.through(LAYER, slices))).equals(BYTES)).toBe(true);
  });

  test("gives bytes on while they come", async () => {
    const { cache } = await open();
    const body = await cache.through(LAYER, () =>
      Readable.from(
        (async function* () {
          yield BYTES.subarray(0, 1000);
          throw new Error("the line is cut");
        })(),
      ),
    );
    const seen: number[] = [];
    const read = async () => {
      for await (const chunk of body as AsyncIterable<Buffer>) seen.push(chunk.length);
    };
    await expect(read()).rejects.toThrow("the line is cut");
    expect(seen).toEqual([1000]);
    expect((await cache.begun(LAYER))?.bytes).toBe(1000);
  });

  test("lets go what was not used for longest, and nothing that this run has used", async () => {
    const contents = [1, 2, 3, 4].map((seed) => pseudoRandomBytes(seed, 0, 300_000));
    const write = async (bytes: Buffer = Buffer.alloc(0)) => {
      const { cache } = await open(1_000_000);
      await cache.write(digestOf(bytes), bytes);
    };
    for (const bytes of contents.slice(0, 3)) await write(bytes);
    for (const [age, bytes] of contents.slice(0, 3).entries()) {
      const path = directory.resolve("content", "sha256", digestOf(bytes).slice("sha256:".length));
      await utimes(path, 1000 - age, 1000 - age);
    }
    await write(contents[3]);
    const { cache } = await open(1_000_000);
    const kept = await Promise.all(contents.map((bytes) => cache.read(digestOf(bytes))));
    expect(kept.map((bytes) => bytes !== undefined)).toEqual([true, false, false, true]);
  });

  test("keeps records by their key, and believes none that was changed", async () => {
    const { records } = await open();
    await records.write("a key\nof two lines", { files: { "a.json": "e30=" } });
    expect(await (await open()).records.read("a key\nof two lines")).toEqual({
      files: { "a.json": "e30=" },
    });
    expect(await records.read("another key")).toBeUndefined();
    for (const path of files()) await writeFile(path, '{"files":{}}\n{"files":{}}');
    expect(await records.read("a key\nof two lines")).toBeUndefined();
  });

  test("is readable for nobody else, and says to backups that it is a cache", async () => {
    await openUserCache(directory.resolve("new"));
    expect(statSync(directory.resolve("new")).mode & 0o777).toBe(0o700);
    expect(readdirSync(directory.resolve("new"))).toEqual(["CACHEDIR.TAG"]);
  });
});
