import { basename } from "node:path";
import type { Readable } from "node:stream";
import { compareTexts } from "../../compare-texts.ts";
import type { MirrorError } from "../../errors.ts";
import { ContentHasher } from "../../io/content-hasher.ts";
import { readChunks } from "../../io/read-chunks.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, hashLike } from "../../oci/digest.ts";
import { MANIFEST_LIMIT_BYTES } from "../../oci/media-type.ts";
import { call, option } from "../../option.ts";
import { BlobStreams, type OpenBlobOptions } from "../../store/blob-streams.ts";
import type { FiledContent, FiledFault, MovingRun } from "../../store/store.ts";
import { type ScanOptions, scanTar } from "../../tar/scan.ts";
import {
  BundleContentMismatchError,
  BundleCorruptError,
  type BundleLocation,
  BundleMissingError,
} from "../errors.ts";
import { BUNDLE_MANIFEST_FILE } from "../format/format.ts";
import { entriesOfFiles, type LayoutTable, type Place } from "../format/layout-table.ts";
import { PackageFile } from "../package-file.ts";
import type { BundleListing } from "./bundle-listing.ts";
import type { BundleManifest } from "./bundle-manifest.ts";
import { hintOfCutOff } from "./group-files.ts";
import { NearbyReads } from "./nearby-reads.ts";
import { PackageEntries } from "./package-entries.ts";
import { listBundle } from "./package-listing.ts";
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

export type FiledBlob = Omit<FiledContent, keyof MovingRun>;

/** Random access to the layouts and blobs of a bundle. Treats the medium as hostile. */
export class BundleReader implements AsyncDisposable {
  readonly listing: BundleListing;
  readonly layouts: LayoutTable[] = [];
  /** Names of entries that are no part of a layout and were passed over. */
  readonly strayFiles: string[] = [];
  readonly #files: readonly PackageFile[];
  /** For all who read content of the bundle. */
  readonly hasher: ContentHasher;
  readonly #streams: BlobStreams<Place>;
  readonly #nearby: NearbyReads;

  /** @internal use `openBundle` */
  constructor(listing: BundleListing) {
    this.listing = listing;
    const { directory } = listing;
    this.#files = listing.packages.map(
      ({ files }) => new PackageFile({ directory, files, mode: "read" }),
    );
    const totalBytes = listing.packages.flatMap(({ files }) => files).reduce(addSize, 0);
    this.hasher = new ContentHasher({ totalBytes });
    this.#nearby = new NearbyReads((index, position, memory) =>
      this.packageFile(index).read(position, memory),
    );
    this.#streams = new BlobStreams({
      hasher: this.hasher,
      read: (place, range) =>
        readChunks(range, (memory, position) => this.#readAll(place, position, memory)),
      check: (place, digest, hash) => this.checkHash(place, digest, hash),
    });
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
    if (first) throw this.#corrupt(index, first.entry.headerOffset, first.reason, first.hint);
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
    await this.#readAll(place, 0, buffer);
    return buffer;
  }

  async #readAll(place: Place, position: number, buffer: Buffer): Promise<void> {
    const found = await this.read(place, position, buffer);
    if (found === buffer.length) return;
    throw this.#corrupt(place.package, place.offset + position + found, "the file ends here");
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
    return await this.#readVerified(place, digest);
  }

  /** All of a blob, verified: for who goes through many small ones. */
  async readBlob(layout: LayoutTable, target: Descriptor): Promise<Buffer> {
    const place = this.#placeOfBlob(layout, target);
    const nearby = place.bytes ? undefined : await this.#nearby.find(place);
    if (nearby && isRight(nearby, target.digest)) return nearby;
    return await this.#readVerified(place, target.digest);
  }

  async #readVerified(place: Place, digest: Digest): Promise<Buffer> {
    const bytes = await this.readBytes(place);
    this.checkHash(place, digest, hashLike(digest, bytes));
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
      this.hintOfAbsent(),
    );
  }

  /** What another program wrote may never have been whole: Docker saves an index without platforms that were not pulled. */
  hintOfAbsent(): string | undefined {
    if (this.manifest) return undefined;
    return `Copy the file again; if it is what docker save made of fewer platforms than the index names, write these as a layout with ${call("exportBundle")} and ${option("platforms")}`;
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

  /** Streams a blob from `offset` up to `end`, verified when it is all of it (`BlobStreams`). */
  openBlob(layout: LayoutTable, target: Descriptor, options: OpenBlobOptions = {}): Readable {
    return this.#streams.open(this.#placeOfBlob(layout, target), target, options);
  }

  #placeOfBlob(layout: LayoutTable, { digest, size }: Descriptor): Place {
    const place = this.placeOf(layout, digest);
    if (place.size === size) return place;
    const reason = `blob ${digest} has ${place.size} bytes, its descriptor says ${size}`;
    throw this.#corrupt(place.package, place.offset, reason);
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

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#files.map((file) => file[Symbol.asyncDispose]()));
    await this.hasher[Symbol.asyncDispose]();
  }
}

function isRight(bytes: Buffer, digest: Digest): boolean {
  return digest.endsWith(`:${hashLike(digest, bytes)}`);
}

function addSize(sum: number, { size }: { readonly size: number }): number {
  return sum + size;
}
