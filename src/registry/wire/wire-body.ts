import { Readable } from "node:stream";

/** Who takes the bytes of a body as they come, without a stream in between. */
export interface BodySink {
  /** Where to receive the next bytes, at most so many; undefined: anywhere. */
  readonly memory: (limit: number) => Buffer | undefined;
  /** Takes bytes; where they are not in its own memory, they are gone when it returns. */
  readonly take: (bytes: Buffer) => void;
}

interface WireBodyOptions {
  /** Bytes are wanted. */
  readonly resume: () => void;
  /** The reader is done, with all of it or not. */
  readonly leave: (error: Error | null) => void;
}

/** The body of an answer: a stream for those who want one, until its bytes are diverted into a sink. */
export class WireBody extends Readable {
  readonly #options: WireBodyOptions;
  #sink: BodySink | undefined;
  #isWanted = false;

  constructor(options: WireBodyOptions) {
    // one piece is enough to wait for a reader
    super({ highWaterMark: 1 });
    this.#options = options;
  }

  /** Whether nothing comes because nobody wants it. */
  get isWaitedFor(): boolean {
    return this.#sink === undefined && !this.#isWanted;
  }

  memory(limit: number): Buffer | undefined {
    return this.#sink?.memory(limit);
  }

  /** From the connection; false: no more for now. */
  deliver(bytes: Buffer): boolean {
    if (!this.#sink) {
      this.#isWanted = this.push(Buffer.from(bytes));
      return this.#isWanted;
    }
    this.#sink.take(bytes);
    return !this.destroyed;
  }

  /** From the connection: this was all. */
  complete(): void {
    if (this.#sink) this.destroy();
    else this.push(null);
  }

  /** The same, with nothing to come. */
  ended(): this {
    this.push(null);
    return this;
  }

  /** Gives what is here to the sink, and then what comes. It ends with "close", after "error" where it was cut off. */
  divert(sink: BodySink): void {
    for (let bytes = this.read(); bytes !== null; bytes = this.read()) sink.take(bytes);
    this.#sink = sink;
    this.#options.resume();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#options.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#options.leave(error);
    done(error);
  }
}
