import type { Hash } from "node:crypto";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { MirrorError } from "../errors.ts";
import { syncDirectory } from "../io/atomic-write.ts";
import { storageError } from "../io/errors.ts";
import { rename } from "../io/file-system.ts";
import { openFile } from "../io/open-file.ts";
import { fillReadBuffer, READ_BUFFER_BYTES, takeReadBuffer } from "../io/read-buffers.ts";
import { checkContent } from "../io/verify-stream.ts";
import { createDigestHash } from "../oci/digest.ts";
import { ContentMismatchError } from "../oci/errors.ts";
import type { OpenContent } from "../store/store.ts";
import type { CachedContent } from "./content-cache.ts";
import type { KeptFiles } from "./kept-files.ts";

export interface DownloadOptions {
  readonly target: CachedContent;
  readonly files: KeptFiles;
  /** Names among the files while it comes and when it is complete. */
  readonly partName: string;
  readonly finalName: string;
  readonly fetch: OpenContent;
}

/** Bytes from `start` up to, not including, `end`. */
export interface WantedBytes {
  readonly start: number;
  readonly end: number;
}

/** After these, nothing can be made of what has come. */
const USELESS: ReadonlySet<string> = new Set([
  "CONTENT_MISMATCH",
  "STORAGE_FAILED",
  "SPACE_EXHAUSTED",
]);

const READ_WRITE = constants.O_RDWR | constants.O_CREAT;

/**
 * Content on its way to the disk, and from there to all who have asked for it meanwhile. The last byte is given to nobody
 * before everything was found to have the digest. What has come when the source gives up stays for the next attempt.
 */
export class Download {
  /** The source has answered. */
  readonly started: Promise<void>;
  /** Everything is in its place. */
  readonly finished: Promise<void>;
  readonly #options: DownloadOptions;
  #file: FileHandle | undefined;
  #users = 1;
  /** Bytes that are in the file. */
  #bytes = 0;
  /** Bytes that readers may have. */
  #releasedBytes = 0;
  #failure: unknown;
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

  /** The bytes as they come; to be called before it has finished. */
  open(range: WantedBytes): Readable {
    this.#users += 1;
    const reader = Readable.from(this.#read(range), { highWaterMark: 1 });
    return reader.once("close", () => void this.#leave().catch(() => {}));
  }

  async *#read({ start, end }: WantedBytes): AsyncGenerator<Buffer> {
    for (let at = start; at < end; ) {
      if (this.#failure !== undefined) throw this.#failure;
      const length = Math.min(this.#releasedBytes, end) - at;
      if (length > 0) {
        const bytes = await this.#readAt(at, length);
        at += bytes.length;
        yield bytes;
      } else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #readAt(at: number, length: number): Promise<Buffer> {
    const { files, partName } = this.#options;
    const buffer = takeReadBuffer();
    try {
      const wanted = Math.min(length, READ_BUFFER_BYTES);
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
      const path = await files.prepare(partName);
      this.#file = await openFile(path, READ_WRITE, 0o600);
      files.add(partName, 0);
      const release = files.hold(partName);
      try {
        await this.#receive(this.#file, onStarted);
        await this.#place(this.#file);
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

  /** Writes and hashes what is missing, and rejects if the whole is not what it should be. */
  async #receive(file: FileHandle, onStarted: () => void): Promise<void> {
    const { fetch, files, partName, target } = this.#options;
    const hash = createDigestHash(target.digest);
    this.#advance(await readBegun(file, { hash, size: target.size }));
    const body = await fetch(this.#bytes);
    onStarted();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const position = this.#bytes;
      if (position + chunk.length > target.size) {
        throw new ContentMismatchError(target.digest, `it is longer than ${target.size} bytes`);
      }
      hash.update(chunk);
      await writeAt(file, { chunk, position, path: files.pathOf(partName) });
      this.#advance(position + chunk.length);
    }
    const mismatch = checkContent(target, this.#bytes, hash.digest("hex"));
    if (mismatch) throw mismatch;
  }

  /** From here on it is found by its digest, after a power cut too. */
  async #place(file: FileHandle): Promise<void> {
    const { files, finalName, partName, target } = this.#options;
    await file.sync();
    const path = await files.prepare(finalName);
    await rename(files.pathOf(partName), path);
    await syncDirectory(dirname(path));
    files.forget(partName);
    files.add(finalName, target.size);
    this.#releasedBytes = target.size;
    this.#wake();
  }

  /** Nothing is kept of what is wrong, or where the disk does not take it. */
  async #giveUp(error: unknown): Promise<void> {
    const { files, partName } = this.#options;
    this.#failure = error;
    this.#wake();
    const code = error instanceof MirrorError ? error.code : undefined;
    const isUseless = code !== undefined && USELESS.has(code);
    if (this.#bytes > 0 && !isUseless) files.add(partName, this.#bytes);
    else await files.remove(partName).catch(() => {});
  }

  #advance(bytes: number): void {
    this.#bytes = bytes;
    this.#releasedBytes = Math.min(bytes, Math.max(0, this.#options.target.size - 1));
    this.#wake();
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

async function writeAt(
  file: FileHandle,
  place: { readonly chunk: Buffer; readonly position: number; readonly path: string },
): Promise<void> {
  const { chunk, path, position } = place;
  try {
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
      done += bytesWritten;
    }
  } catch (error) {
    throw storageError(error, path);
  }
}
