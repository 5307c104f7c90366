import {
  createTransport,
  type Transport,
  type TransportOptions,
} from "../transport/create-transport.ts";
import { createWireExchanges } from "./wire-exchanges.ts";
import { READ_TO_RECEIVER } from "./wire-socket.ts";

/** Opens the connections of a client, or of one of its threads. */
export function openTransport(options: TransportOptions): Transport {
  return createTransport(options, { create: createWireExchanges, onread: READ_TO_RECEIVER });
}
