import { readdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ContentCache } from "../../src/cache/content-cache.ts";
import { createDirectoryCache } from "../../src/cache/directory-cache.ts";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const MIB = 1024 * 1024;
/** Five pieces and a bit. */
const BYTES = pseudoRandomBytes(1, 0, 5 * 1024 * 1024 + 7);
const LAYER = { mediaType: "x/y", digest: digestOf(BYTES), size: BYTES.length };
const SMALL = Buffer.from("small");
const DOCUMENT = { mediaType: "x/y", digest: digestOf(SMALL), size: SMALL.length };

let directory: TempDirectory;
let cache: ContentCache;

beforeEach(async () => {
  directory = await openTempDirectory();
  cache = createDirectoryCache(directory.path);
});

afterEach(() => directory[Symbol.asyncDispose]());

const fetchLayer = async () =>
  Readable.from([BYTES.subarray(0, 3_000_001), BYTES.subarray(3_000_001)]);

/** Bytes that the cache takes on the disk. */
function keptBytes(): number {
  const names = readdirSync(directory.path, { recursive: true }).map(String);
  const found = names.map((name) => statSync(join(directory.path, name)));
  return found.reduce((sum, item) => sum + (item.isFile() ? item.size : 0), 0);
}

describe("createDirectoryCache()", () => {
  test("fetches once, and reads large content again and again", async () => {
    let fetched = 0;
    const fetch = () => {
      fetched++;
      return fetchLayer();
    };
    for (let time = 0; time < 3; time++) {
      expect(BYTES.equals(await buffer(await cache.through(LAYER, fetch)))).toBe(true);
    }
    expect(fetched).toBe(1);
    expect(keptBytes()).toBe(BYTES.length);
  });

  test("gives space back while large content is taken", async () => {
    await buffer(await cache.through(LAYER, fetchLayer));
    let taken = 0;
    let most = 0;
    for await (const chunk of (await cache.take(LAYER, { placed: () => taken })) ?? []) {
      taken += (chunk as Buffer).length;
      most = Math.max(most, taken + keptBytes());
    }
    expect(taken).toBe(BYTES.length);
    expect(most).toBeLessThanOrEqual(BYTES.length + 2.5 * 1024 * 1024);
    expect(await cache.keptFrom(LAYER)).not.toBe(0);
  });

  test("keeps what is not in its place, for the next run", async () => {
    const placed = 2 * MIB + 100;
    await buffer(await cache.through(LAYER, fetchLayer));
    await buffer((await cache.take(LAYER, { placed: () => placed })) ?? Readable.from([]));
    // A later run
    cache = createDirectoryCache(directory.path);
    expect(await cache.keptFrom(LAYER)).toBe(2 * MIB);
    expect(await cache.keptFrom(LAYER)).not.toBe(0);
    expect(await cache.take(LAYER, { offset: MIB })).toBeUndefined();
    const rest = await buffer((await cache.take(LAYER, { offset: placed })) ?? Readable.from([]));
    expect(rest.equals(BYTES.subarray(placed))).toBe(true);
  });

  test("keeps documents when they are taken", async () => {
    await cache.write(DOCUMENT.digest, SMALL);
    expect(await buffer((await cache.take(DOCUMENT)) ?? Readable.from([]))).toEqual(SMALL);
    expect(await cache.read(DOCUMENT.digest)).toEqual(SMALL);
  });

  test.each(["00000000", "00000003", "00000005"])(
    "does not believe in content that lacks piece %s",
    async (name) => {
      await buffer(await cache.through(LAYER, fetchLayer));
      await rm(directory.resolve("sha256", LAYER.digest.slice("sha256:".length), name));
      // A later run
      cache = createDirectoryCache(directory.path);
      expect(await cache.keptFrom(LAYER)).not.toBe(0);
      expect(BYTES.equals(await buffer(await cache.through(LAYER, fetchLayer)))).toBe(true);
      expect(keptBytes()).toBe(BYTES.length);
    },
  );

  test("keeps one copy of content that comes twice at once", async () => {
    const both = [cache.through(LAYER, fetchLayer), cache.through(LAYER, fetchLayer)];
    for (const body of await Promise.all(both)) {
      expect(BYTES.equals(await buffer(body))).toBe(true);
    }
    expect(keptBytes()).toBe(BYTES.length);
  });

  test("keeps nothing of content that is not what it should be", async () => {
    const wrong = async () => Readable.from([BYTES.subarray(0, 4_000_000)]);
    await expect(cache.through(LAYER, wrong)).rejects.toMatchObject({ code: "CONTENT_MISMATCH" });
    expect(keptBytes()).toBe(0);
  });
});
