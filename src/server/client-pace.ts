import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../io/clock.ts";

/** In so much time a client takes or sends so much, or what is left: 2 KiB/s. */
const WINDOW_MS = 120_000;
const LEAST_BYTES = 256 * 1024;

/** What a client goes on sending after its answer is thrown away for so long, so that it gets to read the answer. */
const DRAIN_MS = 10_000;

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** When the window began, and what had been moved until then. */
  since: number;
  moved: number;
  answeredAt: number | undefined;
}

/** Cuts the connections of clients that take or send next to nothing: each of them holds memory and files. */
export class ClientPace {
  readonly #now: Clock["now"];
  readonly #exchanges = new Set<Exchange>();
  readonly #tooSlow = new WeakSet<IncomingMessage>();

  constructor({ now }: Pick<Clock, "now">) {
    this.#now = now;
  }

  /** From a request until its answer has gone and nothing more of it comes. */
  watch(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const since = this.#now();
    const exchange = { incoming, outgoing, since, moved: movedOf(incoming), answeredAt: undefined };
    this.#exchanges.add(exchange);
    const end = () => {
      if (incoming.complete || incoming.destroyed) this.#exchanges.delete(exchange);
    };
    for (const stream of [incoming, outgoing]) stream.once("close", end);
  }

  /** To be called now and then. */
  check(): void {
    for (const exchange of this.#exchanges) this.#check(exchange);
  }

  /** Whether a request was cut off because its client was too slow. */
  hasCut(incoming: IncomingMessage): boolean {
    return this.#tooSlow.has(incoming);
  }

  #check(exchange: Exchange): void {
    const { incoming, outgoing } = exchange;
    const now = this.#now();
    const moved = movedOf(incoming);
    if (outgoing.writableFinished) {
      exchange.answeredAt ??= now;
      if (now - exchange.answeredAt >= DRAIN_MS) this.#cut(exchange);
    } else if (!isWaitedFor(exchange) || moved - exchange.moved >= LEAST_BYTES) {
      Object.assign(exchange, { since: now, moved });
    } else if (now - exchange.since >= WINDOW_MS) {
      this.#tooSlow.add(incoming);
      this.#cut(exchange);
    }
  }

  #cut(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    exchange.incoming.socket.destroy();
  }
}

/** Bytes that the client has sent, and those that it, or the system on the way to it, has taken. */
function movedOf({ socket }: IncomingMessage): number {
  return socket.bytesRead + socket.bytesWritten - socket.writableLength;
}

/** Whether the next step is the client's: a disk, or another server, may be slow as well. */
function isWaitedFor({ incoming, outgoing }: Exchange): boolean {
  const isTaking = incoming.socket.writableLength > 0;
  const isSending = !incoming.complete && incoming.readableLength === 0 && !outgoing.headersSent;
  return isTaking || isSending;
}
