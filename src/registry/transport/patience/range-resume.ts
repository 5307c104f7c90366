import { Readable } from "node:stream";
import { ContentMismatchError } from "../../../oci/errors.ts";

/** A body and how many of its first bytes are not wanted, because the server ignored the range. */
export interface OpenedRange {
  readonly body: Readable;
  readonly surplusBytes: number;
}

export interface ResumingBodyOptions {
  readonly digest: string;
  readonly size: number;
  /** Position of the first byte wanted. */
  readonly offset: number;
  /** Position behind the last byte wanted. */
  readonly end: number;
  readonly first: OpenedRange;
  /** Opens the rest after a cut; rejects when that is hopeless. */
  readonly reopen: (offset: number, signal: AbortSignal) => Promise<OpenedRange>;
  /** Waits after a cut, or throws what the reader shall get instead. */
  readonly waitAfter: (failure: unknown, signal: AbortSignal) => Promise<void>;
  readonly onProgress: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

const BUFFER_BYTES = 256 * 1024;

/**
 * A body of known size that survives cuts: the rest is asked for and appended. Chunks are handed on as they come from
 * the connection, without a step in between.
 */
export class ResumingBody extends Readable {
  readonly #options: ResumingBodyOptions;
  /** Of a search for the rest: few bodies are ever cut. */
  #closing: AbortController | undefined;
  #source: Readable | undefined;
  #surplusBytes = 0;
  #position: number;

  constructor(options: ResumingBodyOptions) {
    super({ highWaterMark: BUFFER_BYTES });
    this.#options = options;
    this.#position = options.offset;
    const { signal } = options;
    if (signal) {
      const abort = () => this.destroy(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      this.once("close", () => signal.removeEventListener("abort", abort));
      if (signal.aborted) abort();
    }
    this.#attach(options.first);
  }

  override _read(): void {
    this.#source?.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#closing?.abort();
    this.#detach();
    callback(error);
  }

  #attach({ body, surplusBytes }: OpenedRange): void {
    this.#source = body;
    this.#surplusBytes = surplusBytes;
    body.pause();
    body.on("data", (chunk: Buffer) => this.#take(chunk));
    body.once("end", () => this.#end(body));
    body.on("error", (error) => this.#end(body, error));
    if (this.destroyed) this.#detach();
    // a reader that waits already will not ask again
    else if (this.readableFlowing || this.#position > this.#options.offset) body.resume();
  }

  #detach(): void {
    const source = this.#source;
    this.#source = undefined;
    source?.removeAllListeners("data");
    source?.destroy();
  }

  #take(received: Buffer): void {
    let chunk = received;
    if (this.#surplusBytes > 0) {
      const skipped = Math.min(this.#surplusBytes, chunk.length);
      this.#surplusBytes -= skipped;
      chunk = chunk.subarray(skipped);
      if (chunk.length === 0) return;
    }
    const { size, digest, end, onProgress } = this.#options;
    const left = end - this.#position;
    this.#position += chunk.length;
    if (this.#position > size) {
      this.destroy(new ContentMismatchError(digest, `it is longer than ${size} bytes`));
      return;
    }
    onProgress(chunk.length);
    if (end < size && chunk.length >= left) this.#finish(chunk.subarray(0, left));
    else if (!this.push(chunk)) this.#source?.pause();
  }

  /** What a server sends behind the range is not waited for. */
  #finish(last: Buffer): void {
    this.#detach();
    this.push(last);
    this.push(null);
  }

  #end(body: Readable, failure?: Error): void {
    if (this.#source !== body || this.destroyed) return;
    this.#detach();
    if (this.#position === this.#options.size) this.push(null);
    else void this.#resume(failure ?? endedEarly());
  }

  async #resume(failure: Error): Promise<void> {
    this.#closing ??= new AbortController();
    const { signal } = this.#closing;
    try {
      await this.#options.waitAfter(failure, signal);
      this.#attach(await this.#options.reopen(this.#position, signal));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** An orderly end before the size is reached: a proxy in between has lost its server. */
export function endedEarly(): Error {
  return Object.assign(new Error("The body ended early"), { code: "BODY_SHORT" });
}
