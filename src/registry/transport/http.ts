import type { Readable } from "node:stream";
import type { NetworkReach } from "./connect/address.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import type { ResponseHeaders } from "./headers.ts";

/** A request body that can be opened again: redirects, retries and fresh tokens send it a second time. */
export interface RequestBody {
  readonly size: number;
  readonly open: () => Readable | Promise<Readable>;
  /**
   * For who needs no stream: gives what gives the pieces, and undefined at the end. The memory of a piece is used again for the
   * one after the next. Throws what keeps it from being read.
   */
  readonly pieces?: (() => () => Buffer | undefined) | undefined;
  /** Where it begins in the content of who sends it; missing: it can only be opened. */
  readonly start?: number | undefined;
}

/** One HTTP request, complete: nothing is added below but the framing. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | RequestBody | undefined;
  /** Whether it is about a blob, wherever it is sent on to. */
  readonly movesBlob?: boolean | undefined;
  /** Who gave the address, in words; missing: the user. */
  readonly namedBy?: string | undefined;
  /** Addresses that are not connected to, whatever the name: a server gave it that must not lead us there. */
  readonly refuses?: readonly NetworkReach[] | undefined;
  /** Where a redirect may lead; one that leads anywhere else is the answer. Missing: wherever is safe. */
  readonly mayLeadTo?: ((url: URL) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Sends it in place of this thread, on a connection of another one. */
  readonly via?: SendRequest | undefined;
  /** How much longer than twice the stall time-out the answer may take once the request is sent. */
  readonly extraAnswerMs?: number | undefined;
  /** How often it was sent before, and this time. */
  readonly attempt?: number | undefined;
  /** Called when the exchange is over: its body has come, or it has failed. */
  readonly onEnd?: ((record: ExchangeRecord) => void) | undefined;
  /** Called with the size of every piece of the body that was handed to the connection. */
  readonly onSent?: ((bytes: number) => void) | undefined;
}

export interface HttpResponse {
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Has to be read to its end, destroyed or given to `discard`, or its connection stays busy. */
  readonly body: Readable;
  /** `host:port` of the proxy that passed it on and could have made it itself; missing: there is none. */
  readonly proxy?: string | undefined;
  /** Frees the connection; keeps it usable if little is left to read. */
  readonly discard: () => Promise<void>;
}

/** Sends one request and gives its answer as it is: statuses are not judged, redirects not followed. */
export type SendRequest = (request: HttpRequest) => Promise<HttpResponse>;
