import type { Hash } from "node:crypto";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import type { MirrorError } from "../errors.ts";
import { syncDirectory } from "../io/atomic-write.ts";
import { storageError } from "../io/errors.ts";
import { rename } from "../io/file-system.ts";
import { openFile } from "../io/open-file.ts";
import {
  fillReadBuffer,
  READ_BUFFER_BYTES,
  recycleReadBuffer,
  takeReadBuffer,
} from "../io/read-buffers.ts";
import { checkContent } from "../io/verify-stream.ts";
import { createDigestHash } from "../oci/digest.ts";
import { ContentMismatchError } from "../oci/errors.ts";
import type { OpenContent } from "../store/store.ts";
import type { CachedContent } from "./content-cache.ts";
import type { KeptFiles } from "./kept-files.ts";
import { RecentBytes } from "./recent-bytes.ts";
import { isOfStorage } from "./storage-failure.ts";

export interface DownloadOptions {
  readonly target: CachedContent;
  readonly files: KeptFiles;
  /** Names among the files while it comes and when it is complete. */
  readonly partName: string;
  readonly finalName: string;
  readonly fetch: OpenContent;
  /** The disk does not take it: from now on it is for those who read it already, and for nobody else. */
  readonly onUnkept: (error: MirrorError) => void;
}

/** Bytes from `start` up to, not including, `end`. */
export interface WantedBytes {
  readonly start: number;
  readonly end: number;
}

const READ_WRITE = constants.O_RDWR | constants.O_CREAT;

/** What may come ahead of the disk, or where that takes nothing ahead of the slowest reader. */
const AHEAD_BYTES = 4 * 1024 * 1024;

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
  #file: FileHandle | undefined;
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
    const { files, partName } = this.#options;
    const buffer = takeReadBuffer();
    try {
      const wanted = Math.min(length, this.#savedBytes - at, READ_BUFFER_BYTES);
      const read = await this.#file?.read(buffer, 0, wanted, at);
      if (!read?.bytesRead) throw new Error("the file is shorter than what was written to it");
      return fillReadBuffer(buffer, read.bytesRead);
    } catch (error) {
      throw storageError(error, files.pathOf(partName));
    }
  }

  async #run(onStarted: () => void): Promise<void> {
    const { files, partName } = this.#options;
    try {
      const { digest } = this.target;
      const begun = createDigestHash(digest);
      await this.#tryToKeep(() => this.#begin(begun));
      const release = files.hold(partName);
      try {
        await this.#receive(this.#unkept ? createDigestHash(digest) : begun, onStarted);
        await this.#tryToKeep(() => this.#place());
        if (this.#unkept) await files.remove(partName).catch(() => {});
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

  /** Opens the file, and hashes what an earlier attempt has left in it. */
  async #begin(hash: Hash): Promise<void> {
    const { files, partName } = this.#options;
    const path = await files.prepare(partName);
    this.#file = await openFile(path, READ_WRITE, 0o600);
    files.add(partName, 0);
    try {
      const begun = await readBegun(this.#file, { hash, size: this.target.size });
      this.#savedBytes = begun;
      this.#advance(begun);
    } catch (error) {
      throw storageError(error, path);
    }
  }

  /** Passes on and hashes what is missing, and rejects if the whole is not what it should be. */
  async #receive(hash: Hash, onStarted: () => void): Promise<void> {
    const { fetch, target } = this.#options;
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
    this.#isWhole = true;
    this.#releasedBytes = target.size;
    this.#wake();
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
    const { files, partName } = this.#options;
    while (this.#file && this.#savedBytes < this.#bytes) {
      const chunks = this.#recent.from(this.#savedBytes);
      try {
        const { bytesWritten } = await this.#file.writev(chunks, this.#savedBytes);
        this.#savedBytes += bytesWritten;
      } catch (error) {
        throw storageError(error, files.pathOf(partName));
      }
      this.#wake();
    }
  }

  /** Everything that has come is in the file, unless the disk does not take it. */
  async #settle(): Promise<void> {
    while (this.#file && !this.#unkept && this.#savedBytes < this.#bytes) {
      this.#save();
      await this.#saving;
    }
  }

  /** From here on it is found by its digest, after a power cut too. */
  async #place(): Promise<void> {
    const { files, finalName, partName, target } = this.#options;
    await this.#settle();
    if (this.#unkept) return;
    try {
      await this.#file?.sync();
    } catch (error) {
      throw storageError(error, files.pathOf(partName));
    }
    const path = await files.prepare(finalName);
    await rename(files.pathOf(partName), path);
    await syncDirectory(dirname(path));
    files.forget(partName);
    files.add(finalName, target.size);
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
    const { files, partName } = this.#options;
    await this.#settle();
    const isWrong = error instanceof ContentMismatchError;
    if (this.#savedBytes > 0 && !isWrong && !this.#unkept) files.add(partName, this.#savedBytes);
    else await files.remove(partName).catch(() => {});
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
    if (this.#users === 0) await this.#file?.close();
  }
}

/** Hashes what an earlier attempt has left; what cannot be a part of it is cut off. */
async function readBegun(
  file: FileHandle,
  { hash, size }: { readonly hash: Hash; readonly size: number },
): Promise<number> {
  const stats = await file.stat();
  if (stats.size > size) await file.truncate(0);
  const buffer = Buffer.alloc(READ_BUFFER_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return at;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
