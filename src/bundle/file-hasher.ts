import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { StorageFailedError, storageError } from "../io/errors.ts";

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

export interface HashResponse {
  readonly id: number;
  readonly hashes?: FileHashes;
  readonly error?: string;
  /** Of the system, if the error is one of its own. */
  readonly code?: string;
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
  readonly #workers: (Worker | undefined)[];
  readonly #waiting = new Map<number, PromiseWithSettlers>();

  constructor({ gost = false }: FileHasherOptions = {}) {
    this.#gost = gost;
    const threads = gost ? Math.min(availableParallelism(), GOST_THREADS_LIMIT) : 1;
    this.#workers = new Array(threads).fill(undefined);
  }

  /** The file's bytes up to `end` are final; `path` may change between calls. */
  advance(id: number, path: string, end: number): void {
    this.#post({ id, path, end, isLast: false, gost: this.#gost });
  }

  /** All bytes are final; resolves to the hashes of the file. */
  finish(id: number, path: string, size: number): Promise<FileHashes> {
    const { promise, settlers } = withSettlers();
    this.#waiting.set(id, { ...settlers, path });
    this.#post({ id, path, end: size, isLast: true, gost: this.#gost });
    return promise;
  }

  #post(request: HashRequest): void {
    const thread = request.id % this.#workers.length;
    const worker = this.#workers[thread] ?? this.#start();
    this.#workers[thread] = worker;
    worker.postMessage(request);
  }

  #start(): Worker {
    const worker = new Worker(workerUrl());
    worker.on("message", (response: HashResponse) => this.#settle(response));
    worker.on("error", (error) => {
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    });
    return worker;
  }

  #settle({ id, hashes, error, code }: HashResponse): void {
    const waiting = this.#waiting.get(id);
    if (hashes !== undefined) {
      this.#waiting.delete(id);
      waiting?.resolve(hashes);
    } else if (error !== undefined) {
      this.#waiting.delete(id);
      waiting?.reject(toStorageError(waiting.path, error, code));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker?.terminate()));
    for (const waiting of this.#waiting.values())
      waiting.reject(new Error("the hasher was closed"));
    this.#waiting.clear();
  }
}

/** Errors lose their fields on the way between threads. */
function toStorageError(path: string, message: string, code: string | undefined): unknown {
  const cause = Object.assign(new Error(message), { code });
  const known = storageError(cause, path);
  return known === cause ? new StorageFailedError(path, message, { cause }) : known;
}

interface PromiseWithSettlers {
  readonly path: string;
  readonly resolve: (value: FileHashes) => void;
  readonly reject: (error: unknown) => void;
}

function withSettlers(): {
  promise: Promise<FileHashes>;
  settlers: Omit<PromiseWithSettlers, "path">;
} {
  let settlers: Omit<PromiseWithSettlers, "path"> = { resolve: () => {}, reject: () => {} };
  const promise = new Promise<FileHashes>((resolve, reject) => {
    settlers = { resolve, reject };
  });
  return { promise, settlers };
}

/** Threads cannot run TypeScript on every Node that is supported: from the sources, the built file is taken. */
function workerUrl(): URL {
  const isSource = import.meta.url.endsWith(".ts");
  return new URL(
    isSource ? "../../dist/bundle/hash-worker.js" : "./hash-worker.js",
    import.meta.url,
  );
}
