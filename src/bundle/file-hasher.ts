import { Worker } from "node:worker_threads";
import { StorageFailedError } from "../io/errors.ts";

/** Hash the file up to `end`, from where the last request with this id stopped. */
export interface HashRequest {
  readonly id: number;
  readonly path: string;
  readonly end: number;
  readonly isLast: boolean;
}

export interface HashResponse {
  readonly id: number;
  readonly sha256?: string;
  readonly error?: string;
}

/**
 * Hashes files in a thread of its own, following a growing end: the bytes are still in the page cache when it reads
 * them, and the hash is ready almost as soon as the last byte is written.
 */
export class FileHasher implements AsyncDisposable {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, PromiseWithSettlers>();

  /** The file's bytes up to `end` are final; `path` may change between calls. */
  advance(id: number, path: string, end: number): void {
    this.#post({ id, path, end, isLast: false });
  }

  /** All bytes are final; resolves to the sha256 of the file in hex. */
  finish(id: number, path: string, size: number): Promise<string> {
    const { promise, settlers } = withSettlers();
    this.#waiting.set(id, { ...settlers, path });
    this.#post({ id, path, end: size, isLast: true });
    return promise;
  }

  #post(request: HashRequest): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
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

  #settle({ id, sha256, error }: HashResponse): void {
    const waiting = this.#waiting.get(id);
    if (sha256 !== undefined) {
      this.#waiting.delete(id);
      waiting?.resolve(sha256);
    } else if (error !== undefined) {
      this.#waiting.delete(id);
      waiting?.reject(new StorageFailedError(waiting.path, error));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
    for (const waiting of this.#waiting.values()) waiting.reject(new Error("the hasher was closed"));
    this.#waiting.clear();
  }
}

interface PromiseWithSettlers {
  readonly path: string;
  readonly resolve: (value: string) => void;
  readonly reject: (error: unknown) => void;
}

function withSettlers(): {
  promise: Promise<string>;
  settlers: Omit<PromiseWithSettlers, "path">;
} {
  let settlers: Omit<PromiseWithSettlers, "path"> = { resolve: () => {}, reject: () => {} };
  const promise = new Promise<string>((resolve, reject) => {
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
