import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { THREAD_START_BYTES } from "../io/content-hasher.ts";
import { StorageFailedError, storageError } from "../io/errors.ts";
import { openFile } from "../io/open-file.ts";
import { readFully } from "../io/read-range.ts";
import { RequestThread } from "../io/request-thread.ts";
import { threadScript } from "../thread-script.ts";

/** Hash the file up to `end`, from where the last request with this id stopped. */
export interface HashRequest {
  readonly id: number;
  readonly path: string;
  readonly end: number;
  /** Bytes from here on may turn out to be wrong, and be written again. */
  readonly firmEnd: number;
  /** Those of the requests before did: they are hashed again. */
  readonly isAgain: boolean;
  readonly isLast: boolean;
  readonly gost: boolean;
}

/** Lower-case hex. */
export interface FileHashes {
  readonly sha256: string;
  readonly streebog256?: string;
}

export interface FileHasherOptions {
  /** Hash with Streebog-256 too, from the same read. */
  readonly gost?: boolean | undefined;
  /** Of all files that there may be to hash, as far as it is known: for little no thread is started. */
  readonly totalBytes?: number | undefined;
}

/** One thread keeps up with sha256; Streebog is slower than most disks, so its files are spread. */
const GOST_THREADS_LIMIT = 4;

const BUFFER_BYTES = 1024 * 1024;

/**
 * Hashes files in a thread of its own, following a growing end: the bytes are still in the page cache when it reads
 * them, and the hash is ready almost as soon as the last byte is written.
 */
export class FileHasher implements AsyncDisposable {
  readonly #gost: boolean;
  readonly #isInline: boolean;
  readonly #threads: readonly RequestThread<HashRequest, FileHashes | undefined>[];

  constructor({ gost = false, totalBytes = Number.POSITIVE_INFINITY }: FileHasherOptions = {}) {
    this.#gost = gost;
    this.#isInline = !gost && totalBytes <= THREAD_START_BYTES;
    const length = gost ? Math.min(availableParallelism(), GOST_THREADS_LIMIT) : 1;
    const script = threadScript("bundle/file-hash-thread");
    this.#threads = Array.from({ length }, () => new RequestThread(script));
  }

  /** Starts the thread of the first file, where there will be one. */
  prepare(): void {
    if (!this.#isInline) this.#threads[0]?.prepare();
  }

  /** Whether there is any use in telling of bytes that may turn out to be wrong. */
  get canGoBack(): boolean {
    // A running Streebog cannot be kept
    return !this.#isInline && !this.#gost;
  }

  /**
   * The file's bytes up to `end` are written; those from `firmEnd` on may turn out to be wrong, and then `goBack` is called. Until it is,
   * or they are known to be right, `firmEnd` stays the same. `path` may change between calls.
   */
  advance(id: number, path: string, end: number, firmEnd: number = end): void {
    this.#tell({ id, path, end, firmEnd, isAgain: false });
  }

  /** The bytes behind `firmEnd` were wrong. */
  goBack(id: number, path: string, firmEnd: number): void {
    this.#tell({ id, path, end: firmEnd, firmEnd, isAgain: true });
  }

  #tell(request: Omit<HashRequest, "isLast" | "gost">): void {
    // Little is read once, when it is finished
    if (this.#isInline) return;
    // What is wrong shows again when the file is finished
    this.#ask({ ...request, isLast: false, gost: this.#gost }).catch(() => undefined);
  }

  /** All bytes are final; resolves to the hashes of the file. */
  async finish(id: number, path: string, size: number): Promise<FileHashes> {
    if (this.#isInline) return await hashHere(path, size);
    const hashes = await this.#ask({
      ...{ id, path, end: size, firmEnd: size },
      ...{ isAgain: false, isLast: true, gost: this.#gost },
    });
    if (hashes === undefined) throw new Error(`file ${id} has no hash`);
    return hashes;
  }

  async #ask(request: HashRequest): Promise<FileHashes | undefined> {
    try {
      return await this.#threads[request.id % this.#threads.length]?.ask(request);
    } catch (error) {
      throw toStorageError(request.path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()));
  }
}

async function hashHere(path: string, size: number): Promise<FileHashes> {
  const sha256 = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(Math.min(size, BUFFER_BYTES));
  const file = await openFile(path);
  try {
    for (let position = 0; position < size; position += buffer.length) {
      const wanted = buffer.subarray(0, size - position);
      const found = await readFully(file, wanted, position, path);
      if (found < wanted.length) throw endsEarly(path, position + found);
      sha256.update(wanted);
    }
  } finally {
    await file.close();
  }
  return { sha256: sha256.digest("hex") };
}

function endsEarly(path: string, position: number): StorageFailedError {
  return new StorageFailedError(path, `it ends at byte ${position}`);
}

function toStorageError(path: string, error: unknown): unknown {
  const known = storageError(error, path);
  if (known !== error || !(error instanceof Error)) return known;
  // What is named on the other side is not named twice
  const reason = error.message.replace(`Cannot access "${path}": `, "");
  return new StorageFailedError(path, reason, { cause: error });
}
