import { createTransport, type Transport, type TransportOptions } from "./create-transport.ts";
import { createUndiciExchanges } from "./undici-exchanges.ts";

/** Opens connections for requests that move no blobs. */
export function openTransport(options: TransportOptions): Transport {
  return createTransport(options, createUndiciExchanges);
}
