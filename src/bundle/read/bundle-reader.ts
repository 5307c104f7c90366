import { basename } from "node:path";
import { Readable } from "node:stream";
import { compareTexts } from "../../compare-texts.ts";
import type { MirrorError } from "../../errors.ts";
import { type ContentHash, ContentHasher } from "../../io/content-hasher.ts";
import { fillReadBuffer, READ_BUFFER_BYTES, takeReadBuffer } from "../../io/read-buffers.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { createDigestHash, type Digest, parseDigest } from "../../oci/digest.ts";
import { MANIFEST_LIMIT_BYTES } from "../../oci/media-type.ts";
import type { FiledContent, FiledFault } from "../../store/store.ts";
import { type ScanOptions, scanTar } from "../../tar/scan.ts";
import {
  BundleContentMismatchError,
  BundleCorruptError,
  type BundleLocation,
  BundleMissingError,
} from "../errors.ts";
import { BUNDLE_MANIFEST_FILE } from "../format/format.ts";
import { entriesOfFiles, type LayoutTable, type Place } from "../format/layout-table.ts";
import type { BundleManifest } from "./bundle-manifest.ts";
import { hintOfCutOff } from "./group-files.ts";
import { PackageEntries } from "./package-entries.ts";
import { PackageFile } from "./package-file.ts";
import { type BundleListing, listBundle } from "./package-listing.ts";
import { recogniseBytes } from "./recognise.ts";

/** Largest `index.json` that is read. */
const INDEX_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Opens a bundle for reading; nothing is unpacked and nothing is written. Throws the first problem with its files by
 * name, before anything else is read.
 */
export async function openBundle(bundlePath: string): Promise<BundleReader> {
  const listing = await listBundle(bundlePath);
  const damaged = listing.claims.problems.find((error) => error instanceof BundleCorruptError);
  if (damaged) throw damaged;
  const [problem] = listing.problems;
  if (problem) throw problem.error;
  const lost = listing.claims.problems.find(isLostManifest);
  if (lost) throw lost;
  const reader = new BundleReader(listing);
  try {
    await reader.scan();
    return reader;
  } catch (error) {
    await reader[Symbol.asyncDispose]();
    throw error;
  }
}

/** Without the `bundle.json` that is listed, nobody would know what the images are for. */
function isLostManifest(error: MirrorError): boolean {
  return error instanceof BundleMissingError && basename(error.path) === BUNDLE_MANIFEST_FILE;
}

export interface OpenBlobOptions {
  /** Position of the first byte wanted; default 0. */
  readonly offset?: number | undefined;
  /** Position behind the last byte wanted; default the end. */
  readonly end?: number | undefined;
  /** `once`: a blob that was right since the bundle was opened is not hashed again; default `always`. */
  readonly verify?: "always" | "once" | undefined;
}

export type FiledBlob = Omit<FiledContent, "runBytes">;

/** Bytes of a place, from its beginning. */
interface PartOfPlace {
  readonly place: Place;
  readonly start: number;
  readonly end: number;
}

/** Random access to the layouts and blobs of a bundle. Treats the medium as hostile. */
export class BundleReader implements AsyncDisposable {
  readonly listing: BundleListing;
  readonly layouts: LayoutTable[] = [];
  /** Names of entries that are no part of a layout and were passed over. */
  readonly strayFiles: string[] = [];
  readonly #files: readonly PackageFile[];
  /** Blobs that were read to their end since the bundle was opened, and were what they should be. */
  readonly #verified = new WeakSet<Place>();
  /** For all who read content of the bundle. */
  readonly hasher: ContentHasher;

  /** @internal use `openBundle` */
  constructor(listing: BundleListing) {
    this.listing = listing;
    const { directory } = listing;
    this.#files = listing.packages.map(
      ({ files }) => new PackageFile({ directory, files, mode: "read" }),
    );
    const totalBytes = listing.packages.flatMap(({ files }) => files).reduce(addSize, 0);
    this.hasher = new ContentHasher({ totalBytes });
  }

  get manifest(): BundleManifest | undefined {
    return this.listing.manifest;
  }

  /** @internal use `openBundle` */
  async scan(): Promise<void> {
    for (const index of this.listing.packages.keys()) await this.#scanPackage(index);
    this.layouts.sort((left, right) => compareTexts(left.path, right.path));
  }

  async #scanPackage(index: number): Promise<void> {
    const listed = this.listing.packages[index];
    const files = listed?.files ?? [];
    const size = files.reduce((sum, file) => sum + file.size, 0);
    const corrupt: ScanOptions["corrupt"] = (offset, reason, cause) =>
      this.#corrupt(index, offset, reason, cause && this.hintOfCutOff(index));
    const read = (position: number, length: number) =>
      this.readBytes({ package: index, offset: position, size: length });
    const isForeign = !this.manifest;
    const entries = new PackageEntries({
      index,
      name: listed?.name ?? "",
      isForeign,
      medium: this,
    });
    await this.refuseCompressed(index);
    const found = listed?.isDirectory
      ? entriesOfFiles(files)
      : scanTar({ read, size, corrupt, isLenient: isForeign });
    for await (const entry of found) entries.enter(entry);
    const { layouts, strayFiles, refused } = await entries.finish();
    const [first] = refused;
    if (first) throw corrupt(first.entry.headerOffset, first.reason);
    this.strayFiles.push(...strayFiles);
    this.layouts.push(...layouts);
  }

  /** Throws if the bytes of a package are compressed. */
  async refuseCompressed(index: number): Promise<void> {
    if (this.listing.packages[index]?.isDirectory) return;
    const head = Buffer.alloc(8);
    const { path } = this.locate({ package: index, offset: 0 });
    const found = await this.packageFile(index).read(0, head);
    const recognised = recogniseBytes(path, head.subarray(0, found));
    if (!recognised) return;
    throw new BundleMissingError(path, recognised.reason, { hint: recognised.hint });
  }

  /** The bytes of one package. */
  packageFile(index: number): PackageFile {
    const file = this.#files[index];
    if (!file) throw new Error(`the bundle has no package ${index}`);
    return file;
  }

  /** The file and the position in it that a place of a package has. */
  locate(place: Pick<Place, "package" | "offset">): BundleLocation {
    const file = this.#files[place.package];
    return file
      ? file.locate(place.offset)
      : { path: this.listing.directory, offset: place.offset };
  }

  #corrupt(index: number, offset: number, reason: string, hint?: string): BundleCorruptError {
    const location = this.locate({ package: index, offset });
    return new BundleCorruptError(location, reason, hint === undefined ? {} : { hint });
  }

  /** With `bundle.json` it is known which files there are. */
  hintOfCutOff(index: number): string | undefined {
    const listed = this.listing.packages[index];
    return this.manifest || !listed ? undefined : hintOfCutOff(listed);
  }

  /** Some place of a blob, in whichever layout. */
  findBlob(digest: Digest): Place | undefined {
    for (const layout of this.layouts) {
      const place = layout.blobs.get(digest);
      if (place) return place;
    }
    return undefined;
  }

  /** Fills the buffer from a position inside a place; returns the bytes found. */
  async read(place: Place, position: number, buffer: Buffer): Promise<number> {
    const length = Math.min(buffer.length, place.size - position);
    if (place.bytes) return place.bytes.copy(buffer, 0, position, position + length);
    const file = this.#files[place.package];
    return file ? file.read(place.offset + position, buffer.subarray(0, length)) : 0;
  }

  /** All bytes of a place; `BUNDLE_CORRUPT` if a file ends before. */
  async readBytes(place: Place): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(place.size);
    const found = await this.read(place, 0, buffer);
    if (found < place.size)
      throw this.#corrupt(place.package, place.offset + found, "the file ends here");
    return buffer;
  }

  /** The bytes of `index.json`. */
  async readIndex(layout: LayoutTable): Promise<Buffer> {
    if (!layout.index)
      throw this.#corrupt(layout.package, 0, `layout "${layout.path}" has no index.json`);
    if (layout.index.size > INDEX_LIMIT_BYTES) {
      throw this.#corrupt(layout.package, layout.index.offset, "index.json is too large");
    }
    return this.readBytes(layout.index);
  }

  /** A manifest or another small blob, verified. */
  async readDocument(layout: LayoutTable, digest: Digest): Promise<Buffer> {
    const place = this.placeOf(layout, digest);
    if (place.size > MANIFEST_LIMIT_BYTES) {
      throw this.#corrupt(place.package, place.offset, `manifest ${digest} is larger than 4 MiB`);
    }
    const bytes = await this.readBytes(place);
    const hex = createDigestHash(digest).update(bytes).digest("hex");
    this.checkHash(place, digest, hex);
    return bytes;
  }

  /** The place of a blob that the layout must have. */
  placeOf(layout: LayoutTable, digest: Digest): Place {
    const place = layout.blobs.get(digest);
    if (place) return place;
    throw this.#corrupt(
      layout.package,
      layout.index?.offset ?? 0,
      `layout "${layout.path}" lacks blob ${digest}`,
    );
  }

  /** Throws `CONTENT_MISMATCH` with the blob's file and position unless the hash is the digest's. */
  checkHash(place: Place, digest: Digest, hex: string): void {
    if (digest.endsWith(`:${hex}`)) return;
    const found = `its digest is ${digest.slice(0, digest.indexOf(":"))}:${hex}`;
    const first = this.locate(place);
    const end = place.offset + Math.max(0, place.size - 1);
    const { path: last } = this.locate({ ...place, offset: end });
    const span = last === first.path ? "" : `; it goes on to "${last}"`;
    throw new BundleContentMismatchError(first, digest, `${found}${span}`);
  }

  /**
   * Streams a blob from `offset` up to `end`. When it is all of the blob the bytes are verified, and the last of them is
   * only passed on when the digest is right: a receiver can never get all of a damaged blob.
   */
  openBlob(
    layout: LayoutTable,
    target: Descriptor,
    { offset = 0, end = target.size, verify = "always" }: OpenBlobOptions = {},
  ): Readable {
    const place = this.placeOf(layout, target.digest);
    if (place.size !== target.size) {
      const reason = `blob ${target.digest} has ${place.size} bytes, its descriptor says ${target.size}`;
      throw this.#corrupt(place.package, place.offset, reason);
    }
    const { algorithm } = parseDigest(target.digest);
    const isWhole = offset === 0 && end >= target.size;
    const isWanted = isWhole && !(verify === "once" && this.#verified.has(place));
    const hash = isWanted ? this.hasher.open(algorithm, target.size) : undefined;
    const wanted = { place, start: offset, end: Math.min(end, place.size) };
    return Readable.from(this.#readBlob(wanted, { ...target, hash }), {
      objectMode: false,
      highWaterMark: READ_BUFFER_BYTES,
    });
  }

  /** A blob where it lies, for who reads it without this reader; undefined if it is in memory, or cannot be right. */
  fileBlob(layout: LayoutTable, { digest, size }: Descriptor): FiledBlob | undefined {
    const place = layout.blobs.get(digest);
    const parts = place && this.#files[place.package]?.partsOf(place.offset, place.size);
    if (!place || place.bytes || !parts || place.size !== size) return undefined;
    const failureOf = (fault: FiledFault): Error => {
      try {
        if (fault.type === "hash") this.checkHash(place, digest, fault.hash);
      } catch (error) {
        return error as Error;
      }
      const end = fault.type === "short" ? fault.end : size;
      return this.#corrupt(place.package, place.offset + end, "the file ends here");
    };
    return { parts, failureOf };
  }

  async *#readBlob(
    { place, start, end }: PartOfPlace,
    { digest, hash }: { readonly digest: Digest; readonly hash: ContentHash | undefined },
  ): AsyncGenerator<Uint8Array> {
    try {
      let next = start < end ? this.#readPart({ place, start, end }) : undefined;
      for (let position = start; next !== undefined; ) {
        const part = await next;
        position += part.length;
        // Read ahead while these bytes are hashed and sent
        next = position < end ? this.#readPart({ place, start: position, end }) : undefined;
        next?.catch(() => undefined);
        const bytes = hash ? await hash.update(part) : part;
        if (hash && !next) {
          this.checkHash(place, digest, await hash.digest());
          this.#verified.add(place);
        }
        yield fillReadBuffer(Buffer.from(bytes.buffer), bytes.length);
      }
    } finally {
      hash?.discard();
    }
  }

  async #readPart({ place, start, end }: PartOfPlace): Promise<Uint8Array> {
    const memory = takeReadBuffer();
    const buffer = memory.subarray(0, Math.min(memory.length, end - start));
    const found = await this.read(place, start, buffer);
    if (found === buffer.length) return buffer;
    throw this.#corrupt(place.package, place.offset + start + found, "the file ends here");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#files.map((file) => file[Symbol.asyncDispose]()));
    await this.hasher[Symbol.asyncDispose]();
  }
}

function addSize(sum: number, { size }: { readonly size: number }): number {
  return sum + size;
}
