import type { Readable } from "node:stream";
import type { Dispatcher, Pool as PoolOfOrigin } from "undici";
import { recycleReadBuffer } from "../../io/read-buffers.ts";
import type { NetworkReach } from "./address.ts";
import type { Connections } from "./connector.ts";
import type { TransportOptions } from "./create-transport.ts";
import {
  DISCARD_LIMIT_BYTES,
  type Exchange,
  type ExchangeAnswer,
  type Exchanges,
} from "./exchange.ts";
import { metered } from "./exchange-meter.ts";
import type { RequestBody } from "./http.ts";
import { watchSpeed } from "./lowest-speed.ts";
import { Pool } from "./undici.ts";
import { watchUpload } from "./upload-watchdog.ts";

/** Buffer between socket and reader: large enough that a busy reader does not stop the sender at once. */
const BODY_BUFFER_BYTES = 256 * 1024;

type PoolOf = (origin: string, refuses: readonly NetworkReach[]) => PoolOfOrigin;

/** Exchanges by undici: bodies are streams. */
export function createUndiciExchanges(
  options: TransportOptions,
  { connectorFor }: Connections,
): Exchanges {
  const { poolOf, close } = createPools(options, connectorFor);
  return {
    send: ({ body, ...exchange }) =>
      body === undefined || Buffer.isBuffer(body)
        ? request(exchange, body ?? null, poolOf)
        : upload(exchange, body, poolOf),
    close,
  };
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
      connect: connectorFor(refuses),
    });
    pools.set(key, pool);
    return pool;
  };
  const close = async (): Promise<void> => {
    await Promise.all([...pools.values()].map((pool) => pool.destroy()));
  };
  return { poolOf, close };
}

type BareExchange = Omit<Exchange, "body">;

async function upload(
  exchange: BareExchange,
  body: RequestBody,
  poolOf: PoolOf,
): Promise<ExchangeAnswer> {
  const source = body.size === 0 ? null : await body.open();
  if (source === null) return await request(exchange, Buffer.alloc(0), poolOf);
  const watch = watchUpload(source, exchange);
  try {
    const headers = { ...exchange.headers, "content-length": String(body.size) };
    // the watchdog replaces the time-out of undici, which runs while the body is being sent
    const watched = { ...exchange, headers, signal: watch.signal, answerTimeoutMs: 0 };
    recycleBehind(source);
    return await request(watched, source, poolOf);
  } catch (error) {
    throw watch.signal.aborted ? watch.signal.reason : error;
  } finally {
    watch.stop();
    source.destroy();
  }
}

/** A chunk beyond the buffer of any socket: the next one is asked for when the system has taken all of it. */
const DRAINED_BYTES = 128 * 1024;

/** Gives back the memory of chunks that have left the process. */
function recycleBehind(body: Readable): void {
  let previous: Buffer | undefined;
  body.on("data", (chunk: Buffer) => {
    if (previous !== undefined) recycleReadBuffer(previous);
    previous = chunk.length >= DRAINED_BYTES ? chunk : undefined;
  });
}

async function request(
  exchange: BareExchange,
  body: Buffer | Readable | null,
  poolOf: PoolOf,
): Promise<ExchangeAnswer> {
  const { origin, refuses, target, method, headers, signal, answerTimeoutMs, onEnd } = exchange;
  let receivedBytes = 0;
  const meter = metered({
    answerTimeoutMs,
    onData: (bytes) => {
      receivedBytes += bytes;
    },
    onEnd: (record) => onEnd?.(record),
  });
  const response = await poolOf(origin, refuses)
    .compose(meter)
    .request({
      path: target,
      // undici ends the connection after a HEAD, in case the server sends a body all the same
      reset: false,
      method: method as Dispatcher.HttpMethod,
      headers,
      body,
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
