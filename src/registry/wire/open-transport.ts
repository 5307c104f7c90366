import {
  createTransport,
  type Transport,
  type TransportOptions,
} from "../transport/create-transport.ts";
import { createUndiciExchanges } from "../transport/undici-exchanges.ts";
import { createWireExchanges } from "./wire-exchanges.ts";

/** Opens the connections of a client: blobs take the shortest way between line and file, all else goes by undici. */
export function openClientTransport(options: TransportOptions): Transport {
  return createTransport(options, (_, connections) => {
    const blobs = createWireExchanges(options, connections);
    const others = createUndiciExchanges(options, connections);
    return {
      send: (exchange) => (exchange.movesBlob ? blobs : others).send(exchange),
      close: async () => {
        await Promise.all([blobs.close(), others.close()]);
      },
    };
  });
}

/** Opens the connections of a thread that moves blobs. */
export function openBlobTransport(options: TransportOptions): Transport {
  return createTransport(options, createWireExchanges);
}
