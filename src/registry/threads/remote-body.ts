import { Readable } from "node:stream";
import type { PourEnd, PourPosition } from "./messages.ts";
import type { ExchangeListener, ThreadLink } from "./thread-link.ts";

export interface RemoteExchange {
  readonly link: ThreadLink;
  readonly id: number;
  readonly listener: ExchangeListener;
  readonly signal?: AbortSignal | undefined;
}

/** The body of an answer that a thread has got: it comes here only if it is read. */
export class RemoteBody extends Readable {
  readonly #exchange: RemoteExchange;
  #isOver = false;
  readonly #abort = () => this.#exchange.link.abort(this.#exchange.id);

  constructor(exchange: RemoteExchange) {
    super();
    this.#exchange = exchange;
    const { signal } = exchange;
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (signal?.aborted) this.#abort();
  }

  /** Has the thread write it into content; the position of the end has been told by then. */
  async pour(
    content: number,
    surplusBytes: number,
    onProgress: (position: PourPosition) => void,
  ): Promise<PourEnd> {
    const { link, id, listener } = this.#exchange;
    listener.onProgress = onProgress;
    try {
      return await link.call("pour", { exchange: id, content, surplusBytes });
    } finally {
      this.#leave();
      this.destroy();
    }
  }

  async discard(): Promise<void> {
    const { link, id } = this.#exchange;
    this.#leave();
    await link.call("discard", { exchange: id }).catch(() => undefined);
    this.destroy();
  }

  override _read(): void {
    const { link, id, signal } = this.#exchange;
    link.call("more", { exchange: id }).then(
      (bytes) => this.push(bytes ? Buffer.from(bytes.buffer) : null),
      (error) => this.destroy(signal?.aborted ? signal.reason : error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { link, id } = this.#exchange;
    if (!this.#isOver) {
      this.#leave();
      link.call("drop", { exchange: id }).catch(() => undefined);
    }
    done(error);
  }

  #leave(): void {
    this.#isOver = true;
    this.#exchange.signal?.removeEventListener("abort", this.#abort);
    this.#exchange.link.leaveExchange(this.#exchange.id);
  }
}
