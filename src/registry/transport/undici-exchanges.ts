import { buffer } from "node:stream/consumers";
import type { buildConnector, Dispatcher, Pool as PoolOfOrigin } from "undici";
import type { NetworkReach } from "./connect/address.ts";
import type { Connections, Connector } from "./connect/connector.ts";
import type { TransportOptions } from "./create-transport.ts";
import {
  DISCARD_LIMIT_BYTES,
  type Exchange,
  type ExchangeAnswer,
  type Exchanges,
} from "./exchange.ts";
import { metered } from "./exchange-meter.ts";
import { watchSpeed } from "./patience/lowest-speed.ts";
import { Pool } from "./undici.ts";

/** Buffer between socket and reader: large enough that a busy reader does not stop the sender at once. */
const BODY_BUFFER_BYTES = 256 * 1024;

type PoolOf = (origin: string, refuses: readonly NetworkReach[]) => PoolOfOrigin;

/** Exchanges by undici, for all that is small: whatever is sent has to fit into memory. */
export function createUndiciExchanges(
  options: TransportOptions,
  { connectorFor }: Connections,
): Exchanges {
  const { poolOf, close } = createPools(options, connectorFor);
  return { send: (exchange) => request(exchange, poolOf), close };
}

/** Pools by origin. undici's own Agent drops a whole pool when one of its connections ends (7.30.2). */
function createPools(
  { connections, stallTimeoutMs }: TransportOptions,
  connectorFor: Connections["connectorFor"],
) {
  const pools = new Map<string, PoolOfOrigin>();
  const poolOf: PoolOf = (origin, refuses) => {
    // connections that were made without a guard are not used behind one
    const key = [origin, ...refuses].join(" ");
    const known = pools.get(key);
    if (known) return known;
    const pool = new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      bodyTimeout: stallTimeoutMs,
      connect: toUndici(connectorFor(refuses)),
    });
    pools.set(key, pool);
    return pool;
  };
  const close = async (): Promise<void> => {
    await Promise.all([...pools.values()].map((pool) => pool.destroy()));
  };
  return { poolOf, close };
}

function toUndici(connector: Connector): buildConnector.connector {
  return ({ protocol, host, hostname }, callback) => {
    connector(new URL(`${protocol}//${host ?? hostname}`)).then(
      (socket) => callback(null, socket),
      (error) => callback(error, null),
    );
  };
}

async function request(exchange: Exchange, poolOf: PoolOf): Promise<ExchangeAnswer> {
  const { origin, refuses, target, method, headers, body, signal, answerTimeoutMs, onEnd } =
    exchange;
  let receivedBytes = 0;
  const meter = metered({
    answerTimeoutMs,
    onData: (bytes) => {
      receivedBytes += bytes;
    },
    onEnd: (record) => onEnd?.(record),
  });
  const sent = body === undefined || Buffer.isBuffer(body) ? body : await buffer(await body.open());
  const response = await poolOf(origin, refuses)
    .compose(meter)
    .request({
      path: target,
      // undici ends the connection after a HEAD, in case the server sends a body all the same
      reset: false,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: sent ?? null,
      ...(signal ? { signal } : {}),
      headersTimeout: answerTimeoutMs,
      highWaterMark: BODY_BUFFER_BYTES,
    });
  watchSpeed(response.body, {
    bytesPerSecond: exchange.lowestBytesPerSecond,
    windowMs: exchange.stallTimeoutMs,
    receivedBytes: () => receivedBytes,
  });
  const discard = async () => {
    await response.body.dump({ limit: DISCARD_LIMIT_BYTES }).catch(() => undefined);
  };
  return { status: response.statusCode, headers: response.headers, body: response.body, discard };
}
