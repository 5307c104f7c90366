import { createHash } from "node:crypto";
import { threadScript } from "../thread-script.ts";
import { RequestThread } from "./request-thread.ts";

/** The hash of content that comes piece by piece. */
export interface ContentHash {
  /**
   * Takes the next bytes. Their memory is gone for the caller until it comes back, as another object: nobody else may
   * read or write it meanwhile.
   */
  readonly update: (bytes: Uint8Array) => Promise<Uint8Array>;
  /** Lower-case hex; ends the hash. */
  readonly digest: () => Promise<string>;
  /** Ends the hash without a result: what still comes is ignored. Does nothing once it has ended. */
  readonly discard: () => void;
}

/** Bytes of one hash, by number; without bytes it ends. */
export interface HashStep {
  readonly id: number;
  readonly algorithm: string;
  readonly bytes?: Uint8Array;
}

/** The memory of the bytes, or the hash in lower-case hex. */
export type HashStepResult = Uint8Array | string;

export interface ContentHasherOptions {
  /** What there is to hash in all, as far as it is known: for little no thread is started. */
  readonly totalBytes?: number | undefined;
}

/** Content up to this size is hashed faster than it is handed to another thread. */
const INLINE_BYTES = 1024 * 1024;

/** So much is hashed in the time that a thread takes to start. */
export const THREAD_START_BYTES: number = 32 * 1024 * 1024;

/** Hashes large content in a thread of its own, while the main one moves bytes. */
export class ContentHasher implements AsyncDisposable {
  readonly #thread: RequestThread<HashStep, HashStepResult> = new RequestThread(
    threadScript("io/content-hash-thread"),
  );
  readonly #inlineBytes: number;
  #next = 0;

  constructor({ totalBytes = Number.POSITIVE_INFINITY }: ContentHasherOptions = {}) {
    this.#inlineBytes = totalBytes <= THREAD_START_BYTES ? THREAD_START_BYTES : INLINE_BYTES;
  }

  /** A hash of `sha256` or another algorithm of digests, for content of about `size` bytes. */
  open(algorithm: string, size: number): ContentHash {
    return size <= this.#inlineBytes ? openInline(algorithm) : this.#openInThread(algorithm);
  }

  #openInThread(algorithm: string): ContentHash {
    const id = this.#next++;
    let isEnded = false;
    return {
      update: async (bytes) => {
        if (isEnded) return bytes;
        const { buffer } = bytes;
        return (await this.#thread.ask({ id, algorithm, bytes }, [
          buffer as ArrayBuffer,
        ])) as Uint8Array;
      },
      digest: async () => {
        isEnded = true;
        return (await this.#thread.ask({ id, algorithm })) as string;
      },
      discard: () => {
        // A thread that has ended keeps nothing
        if (!isEnded) this.#thread.ask({ id, algorithm }).catch(() => undefined);
        isEnded = true;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }
}

function openInline(algorithm: string): ContentHash {
  const hash = createHash(algorithm);
  return {
    update: async (bytes) => {
      hash.update(bytes);
      return bytes;
    },
    digest: async () => hash.digest("hex"),
    discard: () => undefined,
  };
}
