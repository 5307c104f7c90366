import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { ContentCache } from "../../src/cache/content-cache.ts";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const BYTES = pseudoRandomBytes(1, 0, 3_000_000);
const LAYER = { mediaType: "x/y", digest: digestOf(BYTES), size: BYTES.length };
const SMALL = Buffer.from("small");
const DOCUMENT = { mediaType: "x/y", digest: digestOf(SMALL), size: SMALL.length };

export interface ContentCacheTraits {
  /** Content is kept, not only documents. */
  readonly keepsContent: boolean;
}

/** What every `ContentCache` promises. */
export function describeContentCache(
  name: string,
  create: (directory: string) => ContentCache | Promise<ContentCache>,
  { keepsContent }: ContentCacheTraits,
): void {
  const withCache = async (work: (cache: ContentCache) => Promise<void>) => {
    await using directory = await openTempDirectory();
    await work(await create(directory.path));
  };
  /** A source that counts how often it is asked, and from where. */
  const source = (bytes = BYTES) => {
    const offsets: number[] = [];
    const fetch = (offset: number) => {
      offsets.push(offset);
      return Readable.from([
        bytes.subarray(offset, offset + 100_000),
        bytes.subarray(offset + 100_000),
      ]);
    };
    return { offsets, fetch };
  };

  describe(`${name} as a content cache`, () => {
    test("reads what was written, and nothing else", () =>
      withCache(async (cache) => {
        expect(await cache.read(DOCUMENT.digest)).toBeUndefined();
        await cache.write(DOCUMENT.digest, SMALL);
        expect(await cache.read(DOCUMENT.digest)).toEqual(SMALL);
        expect(await cache.keptFrom(DOCUMENT)).toBe(0);
        expect(await buffer((await cache.take(DOCUMENT)) ?? Readable.from([]))).toEqual(SMALL);
      }));

    test("has nothing of what was never there", () =>
      withCache(async (cache) => {
        expect(await cache.keptFrom(LAYER)).toBeUndefined();
        expect(await cache.take(LAYER)).toBeUndefined();
        expect(await cache.begun(LAYER)).toBeUndefined();
        await cache.release(LAYER.digest);
        await cache.remove(LAYER.digest);
      }));

    test("gives content through, again and again and at once", () =>
      withCache(async (cache) => {
        const { offsets, fetch } = source();
        const read = async () => buffer(await cache.through(LAYER, fetch));
        for (const found of await Promise.all([read(), read()]))
          expect(BYTES.equals(found)).toBe(true);
        expect(BYTES.equals(await read())).toBe(true);
        if (keepsContent) expect(offsets).toEqual([0]);
      }));

    test("gives content from a position for its place", () =>
      withCache(async (cache) => {
        await buffer(await cache.through(LAYER, source().fetch));
        const rest = await cache.take(LAYER, { offset: 2_900_000, placed: () => 0 });
        if (!keepsContent) return expect(rest).toBeUndefined();
        const found = await buffer(rest ?? Readable.from([]));
        return expect(found.equals(BYTES.subarray(2_900_000))).toBe(true);
      }));

    test("forgets what is removed", () =>
      withCache(async (cache) => {
        await cache.write(DOCUMENT.digest, SMALL);
        await buffer(await cache.through(LAYER, source().fetch));
        for (const { digest } of [DOCUMENT, LAYER]) await cache.remove(digest);
        expect(await cache.read(DOCUMENT.digest)).toBeUndefined();
        expect(await cache.keptFrom(LAYER)).toBeUndefined();
      }));

    test("takes a source that fails for no content", () =>
      withCache(async (cache) => {
        const failing = async () => cache.through(LAYER, () => Promise.reject(new Error("gone")));
        await expect(failing()).rejects.toThrow("gone");
        const found = await buffer(await cache.through(LAYER, source().fetch));
        expect(found.equals(BYTES)).toBe(true);
      }));

    test.runIf(keepsContent)("keeps nothing that is not what it should be", () =>
      withCache(async (cache) => {
        for (const bytes of [BYTES.subarray(0, 2_000_000), Buffer.alloc(BYTES.length)]) {
          const read = async () => buffer(await cache.through(LAYER, source(bytes).fetch));
          await expect(read()).rejects.toMatchObject({ code: "CONTENT_MISMATCH" });
          expect(await cache.keptFrom(LAYER)).toBeUndefined();
        }
      }),
    );
  });
}
