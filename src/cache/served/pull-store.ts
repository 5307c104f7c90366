import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import type { MirrorError } from "../../errors.ts";
import { syncDirectory, writeFileAtomically } from "../../io/atomic-write.ts";
import { makeDirectoryDurably } from "../../io/durable.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { lockFile } from "../../io/file-lock.ts";
import { rename } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, parseDigest, verifyDigest } from "../../oci/digest.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import type { Manifest, OpenContent } from "../../store/store.ts";
import type { CachedContent } from "../content-cache.ts";
import { isOfStorage } from "../storage-failure.ts";
import { nameOfContent } from "./content-names.ts";
import {
  Download,
  type DownloadOptions,
  type FetchIntoFile,
  type WantedBytes,
} from "./download.ts";
import { KeptBlobs } from "./kept-blobs.ts";
import { KeptFiles, type KeptFilesOptions } from "./kept-files.ts";
import { findPinned, PUSHED } from "./pushed-places.ts";
import { ReferrerRecords, type SubjectPlace } from "./referrer-records.ts";
import { type TagPlace, type TagRecord, TagRecords } from "./tag-records.ts";

export interface PullStoreOptions extends KeptFilesOptions {
  /** Told of what the disk does not take; it is passed on, and not kept. */
  readonly onUnkept?: ((error: MirrorError) => void) | undefined;
}

/**
 * What was pulled through a server: content by digest, whatever registry it came from, and tags by registry. One process
 * uses the directory at a time.
 *
 * ```
 * lock
 * content/blobs/sha256/<hex>       complete, found to be right, and durable
 * content/manifests/sha256/<hex>   the same, with its type in the first line
 * content/parts/<hex>.<size>       what has come of a blob so far
 * tags/<registry>/<repository>/_tags/<tag>
 * referrers/<hex>.json             what refers to a manifest, as its registry said last
 * pushed/<namespace>/…             what clients have pushed (pushed-places.ts); the content of it stays
 * ```
 */
export class PullStore implements AsyncDisposable {
  readonly directory: string;
  readonly tags: TagRecords;
  readonly referrers: ReferrerRecords;
  readonly #files: KeptFiles;
  readonly #kept: KeptBlobs;
  readonly #lock: AsyncDisposable;
  readonly #downloads = new Map<string, Download>();
  readonly #closing = new AbortController();

  readonly #onUnkept: (error: MirrorError) => void;

  private constructor(
    directory: string,
    {
      files,
      lock,
      onUnkept = () => {},
    }: Pick<PullStoreOptions, "onUnkept"> & {
      readonly files: KeptFiles;
      readonly lock: AsyncDisposable;
    },
  ) {
    this.directory = directory;
    this.#files = files;
    this.#lock = lock;
    this.#onUnkept = onUnkept;
    this.#kept = new KeptBlobs({ files, onDamaged: onUnkept });
    this.tags = new TagRecords(join(directory, "tags"));
    this.referrers = new ReferrerRecords(join(directory, "referrers"));
  }

  static async open(directory: string, options: PullStoreOptions): Promise<PullStore> {
    await makeDirectoryDurably(directory);
    const lock = await lockFile(join(directory, "lock"), directory);
    try {
      const pinned = await findPinned(join(directory, PUSHED));
      const files = await KeptFiles.open(join(directory, "content"), { ...options, pinned });
      return new PullStore(directory, { files, lock, onUnkept: options.onUnkept });
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Aborted when the store is closed: downloads go on without those who have asked for them. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  get files(): KeptFiles {
    return this.#files;
  }

  /** Content that nobody is to find any more; what was pushed stays. */
  async remove(digest: Digest): Promise<void> {
    for (const kind of ["blobs", "manifests"] as const) {
      const name = nameOfContent(kind, digest);
      const isOurs = this.#files.sizeOf(name) !== undefined && !this.#files.isPinned(name);
      if (isOurs) await this.#files.remove(name);
    }
  }

  /** Takes a file for the content: its bytes have the digest and are on the disk. What may be there is replaced. */
  async takeBlob(path: string, { digest, size }: CachedContent): Promise<void> {
    const name = nameOfContent("blobs", digest);
    const place = await this.#files.prepare(name);
    await rename(path, place);
    await syncDirectory(dirname(place));
    this.#files.add(name, size);
    this.#kept.trust(digest);
  }

  /** Of a blob that is on the disk. */
  keptSizeOf(digest: Digest): number | undefined {
    return this.#kept.sizeOf(digest);
  }

  /** Of a blob that is here as a whole, on the disk or just before that. */
  sizeOf(digest: Digest): number | undefined {
    const kept = this.keptSizeOf(digest);
    if (kept !== undefined) return kept;
    const whole = [...this.#downloads.values()].find(
      ({ isWhole, target }) => isWhole && target.digest === digest,
    );
    return whole?.target.size;
  }

  /**
   * Streams a blob: from the disk, from a download that is under way, or from one that begins with this. Rejects with
   * what the source says before it has given anything.
   */
  async open(
    target: CachedContent,
    range: WantedBytes,
    fetch: OpenContent,
    fetchInto?: FetchIntoFile,
  ): Promise<Readable> {
    const kept = await this.#kept.open(target.digest, range);
    if (kept) return kept;
    const key = `${target.digest} ${target.size}`;
    const download = this.#downloads.get(key) ?? this.#begin(key, { target, fetch, fetchInto });
    const reader = download.open(range);
    try {
      await download.started;
      return reader;
    } catch (error) {
      reader.destroy();
      throw error;
    }
  }

  hasManifest(digest: Digest): boolean {
    return this.#files.sizeOf(nameOfContent("manifests", digest)) !== undefined;
  }

  /** Manifests are read whole, and hashed each time. */
  async readManifest(digest: Digest): Promise<Manifest | undefined> {
    const name = nameOfContent("manifests", digest);
    if (this.#files.sizeOf(name) === undefined) return undefined;
    const release = this.#files.hold(name);
    try {
      const file = await readFile(this.#files.pathOf(name));
      const end = file.indexOf("\n");
      const bytes = file.subarray(end + 1);
      verifyDigest(bytes, digest);
      const mediaType = file.subarray(0, end).toString();
      if (!isType(mediaType)) throw new ContentMismatchError(digest, "its file has no type");
      return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
    } catch (error) {
      const isUseless = error instanceof ContentMismatchError || hasErrorCode(error, "ENOENT");
      if (!isUseless) throw error;
      await this.#files.remove(name);
      return undefined;
    } finally {
      release();
    }
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    await this.#tryToKeep(() => this.putManifest(manifest));
  }

  /** Rejects if the disk does not take it. */
  async putManifest({ bytes, descriptor }: Manifest): Promise<void> {
    const name = nameOfContent("manifests", descriptor.digest);
    const file = Buffer.concat([Buffer.from(`${descriptor.mediaType}\n`), bytes]);
    await writeFileAtomically(await this.#files.prepare(name), file, { isPrivate: true });
    this.#files.add(name, file.length);
    await this.#files.evict();
  }

  /** What a tag was when it was asked for. */
  async writeTag(place: TagPlace, record: TagRecord): Promise<void> {
    await this.#tryToKeep(() => this.tags.write(place, record));
  }

  /** What a registry said when it was asked what refers to a manifest. */
  async writeReferrers(place: SubjectPlace, referrers: readonly Descriptor[]): Promise<void> {
    await this.#tryToKeep(() => this.referrers.write(place, referrers));
  }

  /** Ends what is being fetched; what has come of it is gone on with next time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#downloads.values()].map(({ finished }) => finished));
    await this.#kept[Symbol.asyncDispose]();
    await this.#lock[Symbol.asyncDispose]();
  }

  /** What was fetched is passed on, whatever the disk says. */
  async #tryToKeep(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isOfStorage(error)) throw error;
      this.#onUnkept(error);
    }
  }

  #begin(
    key: string,
    { target, ...source }: Pick<DownloadOptions, "target" | "fetch" | "fetchInto">,
  ): Download {
    const download = new Download({
      ...source,
      target,
      files: this.#files,
      partName: join("parts", `${parseDigest(target.digest).encoded}.${target.size}`),
      finalName: nameOfContent("blobs", target.digest),
      onUnkept: (error) => {
        forget();
        this.#onUnkept(error);
      },
    });
    const forget = () => {
      if (this.#downloads.get(key) === download) this.#downloads.delete(key);
    };
    this.#downloads.set(key, download);
    const end = async () => {
      forget();
      if (download.isWhole) this.#kept.trust(target.digest);
      await this.#files.evict();
    };
    void download.finished.then(end, end).catch(() => {});
    return download;
  }
}

function isType(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
