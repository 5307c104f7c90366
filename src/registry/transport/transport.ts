import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { rootCertificates } from "node:tls";
import { buildConnector, type Dispatcher, Pool, request as sendRequest } from "undici";
import { fillReadBuffer, recycleReadBuffer, takeReadBuffer } from "../../io/read-buffers.ts";
import { type NetworkReach, reachOf } from "./address.ts";
import type { HttpRequest, HttpResponse, RequestBody } from "./http.ts";
import { toUnreachableError } from "./network-failure.ts";
import { watchUpload } from "./upload-watchdog.ts";

export interface TransportOptions {
  /** Connections per origin; requests beyond them wait. */
  readonly connections: number;
  readonly userAgent: string;
  /** PEM certificates that are trusted besides the built-in ones. */
  readonly ca?: readonly string[] | undefined;
  readonly tlsSkipVerify?: boolean | undefined;
  /** A transfer without a byte for this long is given up and continued on a new connection. */
  readonly stallTimeoutMs: number;
}

export interface Transport extends AsyncDisposable {
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  /** Where a host was last found to be: unknown before the first connection. */
  readonly reachOfHost: (hostname: string) => NetworkReach | undefined;
}

/** Buffer between socket and reader: large enough that a busy reader does not stop the sender at once. */
const BODY_BUFFER_BYTES = 256 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
/** An answer may take this many times as long as a pause between two pieces of a body. */
const ANSWER_TIMEOUT_FACTOR = 2;
/** What is read of a body nobody wants, to keep its connection. */
const DISCARD_LIMIT_BYTES = 64 * 1024;

/** Opens the one connection pool of a client. */
export function openTransport(options: TransportOptions): Transport {
  const reaches = new Map<string, NetworkReach>();
  const connect = noteReach(createConnector(options), reaches);
  const pools = createPools(options, connect);
  return {
    send: (request) => send(request, { poolOf: pools.poolOf, ...options }),
    reachOfHost: (hostname) => reaches.get(hostname),
    [Symbol.asyncDispose]: () => pools.close(),
  };
}

/** Pools by origin. undici's own Agent drops a whole pool when one of its connections ends (7.30.2). */
function createPools({ connections, stallTimeoutMs }: TransportOptions, connect: Connector) {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known) return known;
    const pool = new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      bodyTimeout: stallTimeoutMs,
      headersTimeout: stallTimeoutMs * ANSWER_TIMEOUT_FACTOR,
      connect,
    });
    pools.set(origin, pool);
    return pool;
  };
  const close = async (): Promise<void> => {
    await Promise.all([...pools.values()].map((pool) => pool.destroy()));
  };
  return { poolOf, close };
}

/** Shorter reads, mostly headers, are copied: each would else keep a large buffer that nobody gives back. */
const COPIED_BELOW_BYTES = 16 * 1024;

/** Makes sockets read into recycled memory (`onread` of node:net); the bytes then take their usual way. */
const READ_INTO_POOL = {
  buffer: takeReadBuffer,
  callback(this: Socket, length: number, buffer: Buffer): boolean {
    const bytes = fillReadBuffer(buffer, length);
    if (length >= COPIED_BELOW_BYTES) return this.push(bytes);
    const copy = Buffer.from(bytes);
    recycleReadBuffer(bytes);
    return this.push(copy);
  },
};

type Connector = ReturnType<typeof buildConnector>;

function createConnector({ ca, tlsSkipVerify }: TransportOptions): Connector {
  return buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    // `ca` replaces the built-in certificates, so they are named again
    ...(ca && ca.length > 0 ? { ca: [...rootCertificates, ...ca] } : {}),
    rejectUnauthorized: tlsSkipVerify !== true,
    onread: READ_INTO_POOL,
  } as buildConnector.BuildOptions);
}

function noteReach(connect: Connector, reaches: Map<string, NetworkReach>): Connector {
  return (options, callback) => {
    connect(options, (...result) => {
      const socket: Socket | null = result[1];
      const reach = reachOf(socket?.remoteAddress ?? "");
      if (reach) reaches.set(options.hostname, reach);
      callback(...result);
    });
  };
}

interface SendContext extends TransportOptions {
  readonly poolOf: (origin: string) => Pool;
}

async function send(request: HttpRequest, context: SendContext): Promise<HttpResponse> {
  request.signal?.throwIfAborted();
  try {
    const { body } = request;
    return body === undefined || Buffer.isBuffer(body)
      ? await exchange(request, body ?? null, context)
      : await upload(request, body, context);
  } catch (error) {
    request.signal?.throwIfAborted();
    throw toUnreachableError(error, request.url.host);
  }
}

async function upload(
  request: HttpRequest,
  body: RequestBody,
  context: SendContext,
): Promise<HttpResponse> {
  const source = body.size === 0 ? null : await body.open();
  if (source === null) return await exchange(request, Buffer.alloc(0), context);
  const watch = watchUpload(source, {
    signal: request.signal,
    stallTimeoutMs: context.stallTimeoutMs,
    answerTimeoutMs: request.answerTimeoutMs ?? context.stallTimeoutMs * ANSWER_TIMEOUT_FACTOR,
    onSent: request.onSent,
  });
  try {
    const headers = { ...request.headers, "content-length": String(body.size) };
    // the watchdog replaces the time-out of undici, which runs while the body is being sent
    const options = { ...request, headers, signal: watch.signal, answerTimeoutMs: 0 };
    return await exchange(options, source, context);
  } catch (error) {
    throw watch.signal.aborted ? watch.signal.reason : error;
  } finally {
    watch.stop();
    source.destroy();
  }
}

async function exchange(
  request: HttpRequest,
  body: Buffer | Readable | null,
  { poolOf, userAgent }: SendContext,
): Promise<HttpResponse> {
  const { url, method, headers, signal, answerTimeoutMs } = request;
  const response = await sendRequest(url, {
    dispatcher: poolOf(url.origin),
    // undici ends the connection after a HEAD, in case the server sends a body all the same
    reset: false,
    method: method as Dispatcher.HttpMethod,
    headers: { "user-agent": userAgent, "accept-encoding": "identity", ...headers },
    body,
    ...(signal ? { signal } : {}),
    ...(answerTimeoutMs === undefined ? {} : { headersTimeout: answerTimeoutMs }),
    highWaterMark: BODY_BUFFER_BYTES,
  });
  return {
    url,
    status: response.statusCode,
    headers: response.headers,
    body: response.body,
    discard: async () => {
      await response.body.dump({ limit: DISCARD_LIMIT_BYTES }).catch(() => undefined);
    },
  };
}
