import type { Readable } from "node:stream";
import type { NetworkReach } from "./connect/address.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import type { ResponseHeaders } from "./headers.ts";
import type { RequestBody } from "./http.ts";

/** One request on one connection, as it goes over the line. */
export interface Exchange {
  /** Who is connected to: the server, or the proxy of a plain request. */
  readonly origin: string;
  /** `host[:port]` of the server, for the header. */
  readonly host: string;
  /** Addresses that are not connected to. */
  readonly refuses: readonly NetworkReach[];
  readonly method: string;
  /** Path and query, or the whole address for a proxy. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | RequestBody | undefined;
  /** Whether it is about a blob, so that many bytes or many of its kind may follow. */
  readonly movesBlob: boolean;
  readonly signal: AbortSignal | undefined;
  /** Longest pause of a body, either way. */
  readonly stallTimeoutMs: number;
  /** A body that comes more slowly over the stall time-out is given up; 0: none. */
  readonly lowestBytesPerSecond: number;
  /** Longest wait for the status once the request is sent. */
  readonly answerTimeoutMs: number;
  readonly onSent?: ((bytes: number) => void) | undefined;
  readonly onEnd?: ((record: ExchangeRecord) => void) | undefined;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Readable;
  readonly discard: () => Promise<void>;
}

/** Sends requests over connections that are kept for the next ones. */
export interface Exchanges {
  readonly send: (exchange: Exchange) => Promise<ExchangeAnswer>;
  readonly close: () => Promise<void>;
}

/** What is read of a body nobody wants, to keep its connection. */
export const DISCARD_LIMIT_BYTES: number = 64 * 1024;
