import { availableParallelism } from "node:os";
import { StorageFailedError, storageError } from "../../io/errors.ts";
import { RequestThread } from "../../io/request-thread.ts";
import { threadScript } from "../../thread-script.ts";

/** Hash the file up to `end`, from where the last request with this id stopped. */
export interface HashRequest {
  readonly id: number;
  readonly path: string;
  readonly end: number;
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
}

/** One thread keeps up with sha256; Streebog is slower than most disks, so its files are spread. */
const GOST_THREADS_LIMIT = 4;

/**
 * Hashes files in a thread of its own, following a growing end: the bytes are still in the page cache when it reads
 * them, and the hash is ready almost as soon as the last byte is written.
 */
export class FileHasher implements AsyncDisposable {
  readonly #gost: boolean;
  readonly #threads: readonly RequestThread<HashRequest, FileHashes | undefined>[];

  constructor({ gost = false }: FileHasherOptions = {}) {
    this.#gost = gost;
    const length = gost ? Math.min(availableParallelism(), GOST_THREADS_LIMIT) : 1;
    const script = threadScript("bundle/read/file-hash-thread");
    this.#threads = Array.from({ length }, () => new RequestThread(script));
  }

  /** The file's bytes up to `end` are final; `path` may change between calls. */
  advance(id: number, path: string, end: number): void {
    // What is wrong shows again when the file is finished
    this.#ask({ id, path, end, isLast: false, gost: this.#gost }).catch(() => undefined);
  }

  /** All bytes are final; resolves to the hashes of the file. */
  async finish(id: number, path: string, size: number): Promise<FileHashes> {
    const hashes = await this.#ask({ id, path, end: size, isLast: true, gost: this.#gost });
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

function toStorageError(path: string, error: unknown): unknown {
  const known = storageError(error, path);
  if (known !== error || !(error instanceof Error)) return known;
  // What is named on the other side is not named twice
  const reason = error.message.replace(`Cannot access "${path}": `, "");
  return new StorageFailedError(path, reason, { cause: error });
}
