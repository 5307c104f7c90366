import type { Hash } from "node:crypto";
import type { PackageFile } from "../bundle/package-file.ts";
import { Streebog256 } from "../gost/streebog.ts";
import { BlockPool } from "../io/block-pool.ts";
import type { ContentHash, ContentHasher } from "../io/content-hasher.ts";
import { createDigestHash, type Digest } from "../oci/digest.ts";
import type { OperationOptions } from "../store/store.ts";

/** A run of bytes of a package that is checked as a whole. */
export interface Region {
  readonly start: number;
  readonly end: number;
  /** The entry that it belongs to. */
  readonly entry: string;
  /** What the bytes must hash to; none: they must be zeros. */
  readonly digest?: Digest;
}

export interface HashedFile {
  /** Empty where it was not hashed. */
  readonly sha256: string;
  readonly streebog256?: string;
  /** Bytes that could be read. */
  readonly size: number;
  /** Why reading stopped before the end. */
  readonly error?: unknown;
}

interface HashableFile {
  readonly size: number;
  readonly available: number;
  /** Hash it as a whole; if nothing tells what that must be, its regions are all that can be checked. */
  readonly isSummed: boolean;
  /** Hash it with Streebog-256 too. */
  readonly gost: boolean;
}

export interface HashPackageOptions extends OperationOptions {
  readonly file: PackageFile;
  readonly hasher: ContentHasher;
  /** Size of each file of the package, and how much of it is on the medium. */
  readonly files: readonly HashableFile[];
  /** In order, without overlaps. */
  readonly regions: readonly Region[];
  readonly onProgress: (bytes: number) => void;
}

export interface HashedPackage {
  readonly files: readonly HashedFile[];
  /** Regions whose bytes are not what they must be. */
  readonly damaged: readonly Region[];
}

/** Reads a package once, from the first byte to the last, and hashes its files and its regions on the way. */
export async function hashPackage(options: HashPackageOptions): Promise<HashedPackage> {
  const checker = new RegionChecker(options.regions);
  const blocks = new BlockPool();
  const files: HashedFile[] = [];
  let start = 0;
  for (const { size, available, ...sums } of options.files) {
    files.push(await hashFile(options, { start, size: available, ...sums }, { checker, blocks }));
    start += size;
  }
  return { files, damaged: checker.finish() };
}

const NOTHING = Buffer.alloc(0);

const NO_HASH: ContentHash = {
  update: async (bytes) => bytes,
  digest: async () => "",
  discard: () => undefined,
};

/** While one block is read, the one before is compared with its digests, and the one before that counts for the file. */
async function hashFile(
  { file, hasher, signal, onProgress }: HashPackageOptions,
  { start, size, isSummed, gost }: Omit<HashableFile, "available"> & { readonly start: number },
  { checker, blocks }: { readonly checker: RegionChecker; readonly blocks: BlockPool },
): Promise<HashedFile> {
  const hash = isSummed ? hasher.open("sha256", size) : NO_HASH;
  const streebog = gost ? new Streebog256() : undefined;
  const readAt = async (position: number): Promise<Buffer> => {
    signal?.throwIfAborted();
    if (position >= size) return NOTHING;
    const block = blocks.take();
    const found = await file.read(start + position, block.subarray(0, size - position));
    return block.subarray(0, found);
  };
  let position = 0;
  let hashed = Promise.resolve();
  let next = readAt(position);
  try {
    for (let bytes = await next; bytes.length > 0; bytes = await next) {
      const at = start + position;
      position += bytes.length;
      next = readAt(position);
      // Seen by the next turn
      next.catch(() => undefined);
      streebog?.update(bytes);
      checker.update(at, bytes);
      onProgress(bytes.length);
      await hashed;
      hashed = hash.update(bytes).then((block) => blocks.giveBack(block));
      hashed.catch(() => undefined);
    }
    await hashed;
  } catch (error) {
    hash.discard();
    signal?.throwIfAborted();
    return { sha256: "", size: position, error };
  }
  const sums = streebog ? { streebog256: streebog.digest() } : {};
  return { sha256: await hash.digest(), ...sums, size: position };
}

/** Feeds bytes that come in order to the regions that they belong to; a region with a gap is damaged. */
class RegionChecker {
  readonly #damaged: Region[] = [];
  readonly #regions: readonly Region[];
  #next = 0;
  #hash: Hash | undefined;
  #isZero = true;
  #seen = 0;

  constructor(regions: readonly Region[]) {
    this.#regions = regions;
  }

  update(position: number, bytes: Buffer): void {
    const end = position + bytes.length;
    for (let region = this.#regions[this.#next]; region; region = this.#regions[this.#next]) {
      if (region.start >= end && region.end > region.start) return;
      const from = Math.max(region.start - position, 0);
      const to = Math.min(region.end - position, bytes.length);
      if (to > from) this.#feed(region, bytes.subarray(from, to));
      if (region.end > end) return;
      this.#close(region);
    }
  }

  #feed({ digest }: Region, bytes: Buffer): void {
    this.#seen += bytes.length;
    if (digest !== undefined) {
      this.#hash ??= createDigestHash(digest);
      this.#hash.update(bytes);
    } else if (this.#isZero) {
      this.#isZero = bytes.every((byte) => byte === 0);
    }
  }

  #close(region: Region): void {
    const { digest, start, end } = region;
    const isWhole = this.#seen === end - start;
    const hash = this.#hash ?? (digest === undefined ? undefined : createDigestHash(digest));
    const isRight =
      digest === undefined ? this.#isZero : digest.endsWith(`:${hash?.digest("hex")}`);
    if (!isWhole || !isRight) this.#damaged.push(region);
    this.#hash = undefined;
    this.#isZero = true;
    this.#seen = 0;
    this.#next++;
  }

  finish(): readonly Region[] {
    return [...this.#damaged, ...this.#regions.slice(this.#next)];
  }
}
