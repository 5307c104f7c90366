import type { Hash } from "node:crypto";
import { Readable } from "node:stream";
import { isMirrorError, type MirrorError } from "../../errors.ts";
import { recycleReadBuffer } from "../../io/read-buffers.ts";
import { checkContent } from "../../io/verify-stream.ts";
import { createDigestHash } from "../../oci/digest.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import type { FetchIntoOptions, FilePlaces, OpenContent } from "../../store/store.ts";
import type { CachedContent } from "../content-cache.ts";
import { isOfStorage } from "../storage-failure.ts";
import { DownloadFile, type DownloadFileOptions } from "./download-file.ts";
import { readerMemory } from "./reader-memory.ts";
import { RecentBytes } from "./recent-bytes.ts";

export interface DownloadOptions extends DownloadFileOptions {
  readonly target: CachedContent;
  readonly fetch: OpenContent;
  /** The same for content that goes into the file without this thread; false: it has to be fetched. */
  readonly fetchInto?: FetchIntoFile | undefined;
  /** The disk does not take it: from now on it is for those who read it already, and for nobody else. */
  readonly onUnkept: (error: MirrorError) => void;
}

export type FetchIntoFile = (places: FilePlaces, options: FetchIntoOptions) => Promise<boolean>;

/** Bytes from `start` up to, not including, `end`. */
export interface WantedBytes {
  readonly start: number;
  readonly end: number;
}

/** What may come ahead of the disk, or where that takes nothing ahead of the slowest reader. */
const AHEAD_BYTES = 4 * 1024 * 1024;

/** From here on a thread of its own is worth it. */
const ELSEWHERE_FROM_BYTES = 8 * 1024 * 1024;

/** What stays in memory when it is on the disk, for readers that are right behind. */
const BEHIND_BYTES = 1024 * 1024;

interface Reader {
  /** Position of its next byte. */
  at: number;
  readonly end: number;
}

/**
 * Content on its way to the disk, and to all who have asked for it meanwhile. The last byte is given to nobody before
 * everything was found to have the digest. What has come when the source gives up stays for the next attempt; what the
 * disk does not take is passed on all the same.
 */
export class Download {
  /** The source has answered. */
  readonly started: Promise<void>;
  /** Everything is in its place, or was passed on. */
  readonly finished: Promise<void>;
  readonly #options: DownloadOptions;
  readonly #recent = new RecentBytes();
  readonly #readers = new Set<Reader>();
  readonly #file: DownloadFile;
  #users = 1;
  /** Bytes that have come. */
  #bytes = 0;
  /** Of these, bytes that are in the file. */
  #savedBytes = 0;
  /** Bytes that readers may have. */
  #releasedBytes = 0;
  #isWhole = false;
  #failure: unknown;
  /** Why no more is written to the file. */
  #unkept: MirrorError | undefined;
  #saving: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#file = new DownloadFile(options);
    let onStarted = () => {};
    const answered = new Promise<void>((resolve) => {
      onStarted = resolve;
    });
    this.finished = this.#run(onStarted);
    this.started = Promise.race([answered, this.finished]);
    // Whoever waits for one of them may not look at the other
    for (const promise of [this.started, this.finished]) promise.catch(() => {});
  }

  get target(): CachedContent {
    return this.#options.target;
  }

  /** Everything has come, and was found to be right. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** The bytes as they come; to be called before it has finished. */
  open({ start, end }: WantedBytes): Readable {
    this.#users += 1;
    const reader = { at: start, end };
    this.#readers.add(reader);
    return Readable.from(this.#read(reader), { highWaterMark: 1 }).once("close", () => {
      this.#readers.delete(reader);
      this.#wake();
      void this.#leave().catch(() => {});
    });
  }

  async *#read(reader: Reader): AsyncGenerator<Buffer> {
    while (reader.at < reader.end) {
      if (this.#failure !== undefined) throw this.#failure;
      const length = Math.min(this.#releasedBytes, reader.end) - reader.at;
      if (length > 0) {
        const bytes = await this.#readAt(reader.at, length);
        reader.at += bytes.length;
        if (this.#unkept) this.#wake();
        yield bytes;
      } else await this.#change();
    }
    this.#readers.delete(reader);
  }

  async #readAt(at: number, length: number): Promise<Buffer> {
    const recent = this.#recent.at(at);
    if (recent) return recent.subarray(0, length);
    const memory = readerMemory(this.#readers.size);
    return await this.#file.readAt(at, Math.min(length, this.#savedBytes - at), memory);
  }

  async #run(onStarted: () => void): Promise<void> {
    const { files, partName } = this.#options;
    try {
      await this.#tryToKeep(() => this.#file.open(this.target.size));
      const release = files.hold(partName);
      try {
        if (!(await this.#receiveElsewhere(onStarted))) await this.#receiveHere(onStarted);
        await this.#tryToKeep(() => this.#place());
        if (this.#unkept) await this.#file.remove();
      } finally {
        release();
      }
    } catch (error) {
      await this.#giveUp(error);
      throw error;
    } finally {
      await this.#leave();
    }
  }

  /**
   * Has the source write large content into the file, where there is room for it; those who have asked read it from there. When
   * the disk fails, what has come is gone on with here.
   */
  async #receiveElsewhere(onStarted: () => void): Promise<boolean> {
    const { fetchInto, target } = this.#options;
    if (!fetchInto || this.#unkept || target.size < ELSEWHERE_FROM_BYTES) return false;
    const { path } = this.#file;
    const note = (position: number) => {
      this.#savedBytes = position;
      this.#advance(position);
    };
    let isDone = false;
    await this.#tryToKeep(async () => {
      const kept = await this.#file.size();
      if (!(await this.#file.hasRoomFor(target.size - kept))) return;
      isDone = await fetchInto([[{ path, offset: 0, length: target.size }]], {
        // The server goes on for long: threads are worth it
        runBytes: Number.POSITIVE_INFINITY,
        busyThreads: 1,
        keptBytes: kept,
        onStart: note,
        onProgress: onStarted,
        onWritten: note,
      });
    });
    if (!isDone) return false;
    this.#complete();
    onStarted();
    return true;
  }

  /** Passes on and hashes what is missing, and rejects if the whole is not what it should be. */
  async #receiveHere(onStarted: () => void): Promise<void> {
    const { fetch, target } = this.#options;
    const hash = await this.#hashBegun();
    const body = await fetch(this.#bytes);
    onStarted();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const position = this.#bytes;
      if (position + chunk.length > target.size) {
        throw new ContentMismatchError(target.digest, `it is longer than ${target.size} bytes`);
      }
      const bytes = Buffer.from(chunk);
      recycleReadBuffer(chunk);
      hash.update(bytes);
      this.#recent.add(position, bytes);
      this.#advance(position + bytes.length);
      this.#save();
      await this.#makeWay();
    }
    const mismatch = checkContent(target, this.#bytes, hash.digest("hex"));
    if (mismatch) throw mismatch;
    this.#complete();
  }

  #complete(): void {
    this.#isWhole = true;
    this.#releasedBytes = this.target.size;
    this.#wake();
  }

  /** A hash of what has come: all that an earlier attempt has left, or what was written before the disk failed. */
  async #hashBegun(): Promise<Hash> {
    const { target } = this.#options;
    const hash = createDigestHash(target.digest);
    const failed = this.#unkept;
    if (failed && this.#bytes === 0) return hash;
    if (failed && (await this.#file.hashStart(hash, this.#bytes)) < this.#bytes) throw failed;
    if (failed) return hash;
    await this.#tryToKeep(async () => {
      this.#savedBytes = await this.#file.hashStart(hash, target.size);
      this.#advance(this.#savedBytes);
    });
    return this.#bytes > 0 ? hash : createDigestHash(target.digest);
  }

  /** Waits while too much is in memory: for the disk, or for the slowest of those who read. */
  async #makeWay(): Promise<void> {
    for (;;) {
      if (this.#unkept && this.#readers.size === 0) throw this.#unkept;
      const needed = this.#unkept
        ? Math.min(...[...this.#readers].map(({ at }) => at))
        : this.#savedBytes;
      this.#recent.trim(needed, this.#unkept ? 0 : BEHIND_BYTES);
      if (this.#recent.size < AHEAD_BYTES) return;
      this.#save();
      await this.#change();
    }
  }

  /** Writes what has come to the file, as much at once as there is. */
  #save(): void {
    if (this.#unkept) return;
    this.#saving ??= this.#tryToKeep(() => this.#write()).finally(() => {
      this.#saving = undefined;
      this.#wake();
    });
  }

  async #write(): Promise<void> {
    while (this.#savedBytes < this.#bytes) {
      const chunks = this.#recent.from(this.#savedBytes);
      this.#savedBytes += await this.#file.writeAt(this.#savedBytes, chunks);
      this.#wake();
    }
  }

  /** Everything that has come is in the file, unless the disk does not take it. */
  async #settle(): Promise<void> {
    while (this.#file.isOpen && !this.#unkept && this.#savedBytes < this.#bytes) {
      this.#save();
      await this.#saving;
    }
  }

  /** From here on it is found by its digest, after a power cut too. */
  async #place(): Promise<void> {
    await this.#settle();
    if (!this.#unkept) await this.#file.place(this.target.size);
  }

  /** A cache is a favor: what a disk fails with ends the keeping, not the reading. */
  async #tryToKeep(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isOfStorage(error)) throw error;
      this.#unkept = error;
      this.#options.onUnkept(error);
      this.#wake();
    }
  }

  /**
   * Nothing is kept of what is wrong, or where the disk does not take it. Who reads is told after that: a next attempt
   * finds what this one has left.
   */
  async #giveUp(error: unknown): Promise<void> {
    await this.#settle();
    const isWrong = isMirrorError(error, "CONTENT_MISMATCH");
    if (this.#savedBytes > 0 && !isWrong && !this.#unkept) this.#file.keep(this.#savedBytes);
    else await this.#file.remove();
    this.#failure = error;
    this.#wake();
  }

  #advance(bytes: number): void {
    this.#bytes = bytes;
    this.#releasedBytes = Math.min(bytes, Math.max(0, this.target.size - 1));
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#file.close();
  }
}
