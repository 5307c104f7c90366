import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Exchange, ExchangeAnswer } from "../transport/exchange.ts";
import { DISCARD_LIMIT_BYTES } from "../transport/exchange.ts";
import { watchSpeed } from "../transport/patience/lowest-speed.ts";
import { endedEarly } from "../transport/patience/range-resume.ts";
import { type BodyFraming, keepMsOf } from "./body-framing.ts";
import type { IdleTimer } from "./idle-timer.ts";
import type { ResponseHead } from "./response-head.ts";
import { ResponseReader } from "./response-reader.ts";
import { sendRequest } from "./send-request.ts";
import { WireBody } from "./wire-body.ts";

export interface WireExchangeOptions {
  readonly socket: Socket;
  /** Of the connection, for this exchange until it is over; it asks for `giveUp`. */
  readonly idle: Pick<IdleTimer, "start" | "stop" | "touch">;
  /** Number of the connection. */
  readonly connection: number;
  /** Most that it may be kept for the next request. */
  readonly keepMs: number;
  /** It is over; how long the connection may be kept, 0: not at all. */
  readonly onOver: (keepMs: number) => void;
}

/** One request and its answer on a connection. */
export class WireExchange {
  readonly #exchange: Exchange;
  readonly #options: WireExchangeOptions;
  readonly #reader: ResponseReader;
  /** Made when somebody can want it: most answers have none. */
  #body: WireBody | undefined;
  /** What the body of the request is read from. */
  #source: Readable | undefined;
  readonly #abort = () => this.fail(this.#exchange.signal?.reason);
  #startedAt = 0;
  #status: number | undefined;
  #sentBytes = 0;
  #receivedBytes = 0;
  #isSent = false;
  #isOver = false;
  /** How long the connection may be kept once all has come. */
  #keepMs = 0;
  #answer:
    | { resolve: (answer: ExchangeAnswer) => void; reject: (error: unknown) => void }
    | undefined;

  constructor(exchange: Exchange, options: WireExchangeOptions) {
    this.#exchange = exchange;
    this.#options = options;
    this.#reader = new ResponseReader(exchange.method, {
      onHead: (head, framing) => this.#takeHead(head, framing),
      onData: (bytes) => this.#takeData(bytes),
      onEnd: (surplusBytes) => this.#end(surplusBytes),
    });
  }

  /** Sends the request; resolves with the head of the answer. */
  run(): Promise<ExchangeAnswer> {
    const { signal } = this.#exchange;
    this.#startedAt = performance.now();
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      signal?.addEventListener("abort", this.#abort, { once: true });
      if (signal?.aborted) return this.#abort();
      try {
        this.#send();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  #send(): void {
    const isOver = () => this.#isOver || this.#status !== undefined;
    const sent = () => {
      if (isOver()) return;
      this.#isSent = true;
      this.#options.idle.start(this.#exchange.answerTimeoutMs);
    };
    const sending = sendRequest(this.#options.socket, this.#exchange, {
      isOver,
      onSent: (bytes) => this.#noteSent(bytes),
      onSource: (source) => {
        this.#source = source;
        if (isOver()) source.destroy();
      },
    });
    if (sending === undefined) {
      sent();
      return;
    }
    this.#options.idle.start(this.#exchange.stallTimeoutMs);
    sending.then(sent, (error) => this.fail(error));
  }

  /** Takes bytes of the connection. */
  take(bytes: Buffer): boolean {
    try {
      return this.#reader.take(bytes);
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** Where bytes of the body would best be received. */
  memory(): Buffer | undefined {
    const bytes = this.#isOver ? 0 : this.#reader.plainBytes;
    return bytes > 0 ? this.#body?.memory(bytes) : undefined;
  }

  /** The server has ended the connection. */
  endOfConnection(): void {
    if (!this.#isOver && !this.#reader.end()) {
      this.fail(this.#status === undefined ? hungUp() : endedEarly());
    }
  }

  /** Ends it without the rest of the answer, and the connection with it. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#settle(0);
    if (this.#answer) this.#answer.reject(error);
    else this.#body?.destroy(error instanceof Error ? error : new Error(String(error)));
  }

  #noteSent(bytes: number): void {
    this.#options.idle.touch();
    this.#sentBytes += bytes;
    this.#exchange.onSent?.(bytes);
  }

  #takeHead(head: ResponseHead, framing: BodyFraming): void {
    const { stallTimeoutMs, lowestBytesPerSecond } = this.#exchange;
    this.#status = head.status;
    // an answer to half a request: what the server makes of the other half is unknown
    this.#keepMs = this.#isSent ? keepMsOf(head, framing, this.#options.keepMs) : 0;
    this.#source?.destroy();
    const isEmpty = framing.kind === "length" && framing.bytes === 0;
    const body = isEmpty ? undefined : this.#openBody();
    if (body) {
      this.#options.idle.start(stallTimeoutMs);
      watchSpeed(body, {
        bytesPerSecond: lowestBytesPerSecond,
        windowMs: stallTimeoutMs,
        receivedBytes: () => this.#receivedBytes,
        isReaderSlow: () => body.isWaitedFor,
      });
    }
    const { status, headers } = head;
    const bodyOf = () => this.#body ?? this.#openBody().ended();
    this.#answer?.resolve({
      status,
      headers,
      get body() {
        return bodyOf();
      },
      discard: () => this.#discard(),
    });
    this.#answer = undefined;
  }

  #openBody(): WireBody {
    const body = new WireBody({
      resume: () => {
        if (this.#isOver) return;
        // while nobody wanted it, nothing could come
        this.#options.idle.touch();
        this.#options.socket.resume();
      },
      leave: (error) => {
        if (!this.#isOver) this.fail(error ?? endedEarly());
      },
    });
    // seen by whoever asks for the body
    body.on("error", () => undefined);
    this.#body = body;
    return body;
  }

  #takeData(bytes: Buffer): boolean {
    this.#options.idle.touch();
    this.#receivedBytes += bytes.length;
    return this.#body?.deliver(bytes) ?? true;
  }

  #end(surplusBytes: number): void {
    this.#settle(surplusBytes > 0 ? 0 : this.#keepMs);
    this.#body?.complete();
  }

  /** Reads a little, to keep the connection. */
  async #discard(): Promise<void> {
    const body = this.#body;
    if (!body || body.destroyed) return;
    let left = DISCARD_LIMIT_BYTES;
    const take = ({ length }: Buffer) => {
      left -= length;
      if (left < 0) body.destroy();
    };
    const closed = new Promise<void>((resolve) => body.once("close", resolve));
    body.divert({ memory: () => undefined, take });
    await closed;
  }

  /** Nothing has happened for as long as may be. */
  giveUp(): void {
    if (this.#isWaitingForUs()) this.#options.idle.start(this.#exchange.stallTimeoutMs);
    else this.fail(stalled());
  }

  /** A reader of the answer that takes its time is no fault of the server, nor is what the request is read from. */
  #isWaitingForUs(): boolean {
    if (this.#status !== undefined) return this.#body?.isWaitedFor ?? false;
    return !this.#isSent && this.#options.socket.writableLength === 0;
  }

  #settle(keepMs: number): void {
    this.#isOver = true;
    this.#options.idle.stop();
    this.#source?.destroy();
    this.#exchange.signal?.removeEventListener("abort", this.#abort);
    this.#options.onOver(keepMs);
    this.#exchange.onEnd?.({
      status: this.#status,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      milliseconds: Math.round(performance.now() - this.#startedAt),
      connection: this.#options.connection,
    });
  }
}

function hungUp(): NodeJS.ErrnoException {
  return Object.assign(new Error("The connection was closed"), { code: "ECONNRESET" });
}

function stalled(): NodeJS.ErrnoException {
  return Object.assign(new Error("The connection does not take, answer or give data"), {
    code: "STALLED",
  });
}
