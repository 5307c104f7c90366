import { createTransport, type Transport, type TransportOptions } from "./create-transport.ts";
import { READ_INTO_POOL } from "./read-into-pool.ts";
import { createUndiciExchanges } from "./undici-exchanges.ts";

/** Opens the one connection pool of a client. */
export function openTransport(options: TransportOptions): Transport {
  return createTransport(options, { create: createUndiciExchanges, onread: READ_INTO_POOL });
}
