import type { Connections, Connector } from "../transport/connect/connector.ts";
import type { Exchange, Exchanges } from "../transport/exchange.ts";
import { untilAborted } from "../transport/until-aborted.ts";
import { WireConnection } from "./wire-connection.ts";
import { READ_TO_RECEIVER } from "./wire-socket.ts";

/**
 * Exchanges over connections of HTTP/1.1: bodies are received where their reader wants them and sent as they are read. How many
 * there are at a time is limited elsewhere, for all threads.
 */
export function createWireExchanges(
  _options: unknown,
  { connectorFor }: Pick<Connections, "connectorFor">,
): Exchanges {
  const open = new Set<WireConnection>();
  const idle = new Map<string, WireConnection[]>();
  const connectors = new Map<string, Connector>();
  const connect = async ({ origin, refuses }: Exchange, key: string): Promise<WireConnection> => {
    const guard = refuses.join(" ");
    const connector = connectors.get(guard) ?? connectorFor(refuses, READ_TO_RECEIVER);
    connectors.set(guard, connector);
    const waiting = idle.get(key) ?? [];
    idle.set(key, waiting);
    const lose = (connection: WireConnection) => {
      open.delete(connection);
      const place = waiting.indexOf(connection);
      if (place >= 0) waiting.splice(place, 1);
    };
    const socket = await connector(new URL(origin));
    const connection = new WireConnection(socket, (free) => waiting.push(free), lose);
    open.add(connection);
    return connection;
  };
  return {
    send: async (exchange) => {
      // connections that were made without a guard are not used behind one
      const key = [exchange.origin, ...exchange.refuses].join(" ");
      const known = takeOpen(idle.get(key));
      if (known) return await known.send(exchange);
      const connection = await connectUntilAborted(connect(exchange, key), exchange.signal);
      return await connection.send(exchange);
    },
    close: async () => {
      for (const connection of open) connection.close();
    },
  };
}

async function connectUntilAborted(
  connecting: Promise<WireConnection>,
  signal: AbortSignal | undefined,
): Promise<WireConnection> {
  try {
    return await untilAborted(connecting, signal);
  } catch (error) {
    // it may still come to be
    connecting.then(
      (connection) => connection.close(),
      () => undefined,
    );
    throw error;
  }
}

/** The connection that was used last: the others are the sooner closed. */
function takeOpen(waiting: WireConnection[] = []): WireConnection | undefined {
  for (let last = waiting.pop(); last; last = waiting.pop()) {
    if (last.isOpen) return last;
  }
  return undefined;
}
