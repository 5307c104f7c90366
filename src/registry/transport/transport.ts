import type { Readable } from "node:stream";
import type { Dispatcher, Pool as PoolOfOrigin } from "undici";
import { OptionInvalidError } from "../../errors.ts";
import { recycleReadBuffer } from "../../io/read-buffers.ts";
import { option } from "../../option.ts";
import { RegistryUnreachableError } from "../errors.ts";
import type { NetworkReach } from "./address.ts";
import { limitExchanges } from "./connection-limit.ts";
import { type Connections, createConnections, type TlsPeer } from "./connector.ts";
import { metered } from "./exchange-meter.ts";
import type { HttpRequest, HttpResponse, RequestBody, SendRequest } from "./http.ts";
import { watchSpeed } from "./lowest-speed.ts";
import { createNamedHosts } from "./named-hosts.ts";
import { toUnreachableError } from "./network-failure.ts";
import { type HttpProxy, selectProxy } from "./proxy.ts";
import { createTlsContexts, type TlsContextsOptions } from "./tls-contexts.ts";
import { createProxyError } from "./tunnel.ts";
import { Pool } from "./undici.ts";
import { watchUpload } from "./upload-watchdog.ts";

export interface TransportOptions extends Partial<TlsContextsOptions> {
  /** Connections per origin; requests beyond them wait. */
  readonly connections: number;
  readonly userAgent: string;
  /** A transfer without a byte for this long is given up and continued on a new connection. */
  readonly stallTimeoutMs: number;
  /** A body that comes more slowly over the stall time-out is given up like one that stalls; default 100, 0: never. */
  readonly lowestBytesPerSecond?: number | undefined;
  /** Where a host of references is asked; default: there. */
  readonly apiHostOf?: ((host: string) => string) | undefined;
}

export interface Transport extends AsyncDisposable {
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  /** Where a host was last found to be: unknown before the first connection. */
  readonly reachOfHost: (hostname: string) => NetworkReach | undefined;
  /** TLS of the last connection to `host[:port]`. */
  readonly tlsOf: (host: string) => TlsPeer | undefined;
  /** `host:port` of the proxy that requests to a URL go through. */
  readonly proxyOf: (url: URL) => string | undefined;
}

const HTTPS_PORT = 443;
/** Buffer between socket and reader: large enough that a busy reader does not stop the sender at once. */
const BODY_BUFFER_BYTES = 256 * 1024;
/** An answer may take this many times as long as a pause between two pieces of a body. */
const ANSWER_TIMEOUT_FACTOR = 2;
/** Below a modem that sixteen transfers share. */
const LOWEST_BYTES_PER_SECOND = 100;
/** What is read of a body nobody wants, to keep its connection. */
const DISCARD_LIMIT_BYTES = 64 * 1024;

/** Opens the one connection pool of a client. */
export function openTransport(options: TransportOptions): Transport {
  const { env = process.env, tlsSkipVerify = false, tlsSkipVerifyHosts = [] } = options;
  const trusted = createNamedHosts(tlsSkipVerifyHosts, {
    option: "tlsSkipVerifyHosts",
    port: HTTPS_PORT,
    apiHostOf: options.apiHostOf,
  });
  const trustsAny = (host: string) => trusted.has(host) || tlsSkipVerify;
  const contexts = createTlsContexts({
    ...options,
    isRegistry: options.isRegistry ?? (() => false),
    warn: options.warn ?? (() => undefined),
  });
  const proxies = new Set<string>();
  const proxyOf = (url: URL) => {
    // a proxy is not reached through another one
    if (proxies.has(url.host)) return undefined;
    const proxy = proxyOrRefuse(url, env);
    if (proxy) proxies.add(proxy.host);
    return proxy;
  };
  const connections = createConnections({ contexts, trustsAny, proxyOf });
  const pools = createPools(options, connections.connectorFor);
  const sendHere: SendRequest = async (request) => {
    await contexts.check();
    try {
      return await send(request, { poolOf: pools.poolOf, proxyOf, ...options });
    } catch (error) {
      const { host } = request.url;
      throw connections.wantsCertificate(host) ? toCertificateWanted(error, host) : error;
    }
  };
  const sendAnywhere: SendRequest = async (request) => {
    if (!request.via) return await sendHere(request);
    // What a thread connects to counts as met
    if (request.url.protocol === "https:") trusted.has(request.url.host);
    return await request.via(request);
  };
  // A connection is to whoever it leads to first
  const originOf = (url: URL) =>
    (url.protocol === "http:" ? proxyOf(url)?.url.origin : undefined) ?? url.origin;
  return {
    send: limitExchanges(options.connections, { send: sendAnywhere, originOf }),
    reachOfHost: connections.reachOf,
    tlsOf: connections.tlsOf,
    proxyOf: (url) => proxyOf(url)?.host,
    [Symbol.asyncDispose]: async () => {
      for (const host of trusted.unmet()) options.warn?.("HOST_UNUSED", unusedText(host));
      await pools.close();
    },
  };
}

function unusedText(host: string): string {
  const named = `"${host}" in ${option("tlsSkipVerifyHosts")}`;
  return `${named} has no effect: no connection with TLS was made to this host`;
}

function toCertificateWanted(error: unknown, host: string): unknown {
  const isCut = error instanceof RegistryUnreachableError && error.reason === "reset";
  if (!isCut) return error;
  return new RegistryUnreachableError(host, { reason: "client-certificate" }, { cause: error });
}

function proxyOrRefuse(url: URL, env: NodeJS.ProcessEnv): HttpProxy | undefined {
  try {
    return selectProxy(url, env);
  } catch (error) {
    const option = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
    throw new OptionInvalidError(option, error instanceof Error ? error.message : String(error), {
      hint: "Name a proxy as http://host:port or https://host:port, or the registry in NO_PROXY",
    });
  }
}

/** Pools by origin. undici's own Agent drops a whole pool when one of its connections ends (7.30.2). */
function createPools(
  { connections, stallTimeoutMs }: TransportOptions,
  connectorFor: Connections["connectorFor"],
) {
  const pools = new Map<string, PoolOfOrigin>();
  const poolOf: PoolOf = (origin, refuses = []) => {
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

type PoolOf = (origin: string, refuses?: readonly NetworkReach[]) => PoolOfOrigin;

interface SendContext extends TransportOptions {
  readonly poolOf: PoolOf;
  readonly proxyOf: (url: URL) => HttpProxy | undefined;
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
    throw toUnreachableError(error, request.url.host, request.namedBy);
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
    answerTimeoutMs: answerTimeoutOf(request, context),
    onSent: request.onSent,
  });
  try {
    const headers = { ...request.headers, "content-length": String(body.size) };
    // the watchdog replaces the time-out of undici, which runs while the body is being sent
    const options = { ...request, headers, signal: watch.signal };
    recycleBehind(source);
    return await exchange(options, source, { ...context, headersTimeout: 0 });
  } catch (error) {
    throw watch.signal.aborted ? watch.signal.reason : error;
  } finally {
    watch.stop();
    source.destroy();
  }
}

function answerTimeoutOf({ extraAnswerMs = 0 }: HttpRequest, { stallTimeoutMs }: SendContext) {
  return stallTimeoutMs * ANSWER_TIMEOUT_FACTOR + extraAnswerMs;
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

async function exchange(
  request: HttpRequest,
  body: Buffer | Readable | null,
  context: SendContext & { readonly headersTimeout?: number },
): Promise<HttpResponse> {
  const { url, method, headers, signal } = request;
  const {
    poolOf,
    proxyOf,
    userAgent,
    headersTimeout = answerTimeoutOf(request, context),
  } = context;
  // HTTPS goes through the proxy by its connection, plain HTTP by its address
  const proxy = url.protocol === "http:" ? proxyOf(url) : undefined;
  const path = url.pathname + url.search;
  // a proxy is named by the user, and looks names up itself
  const pool = proxy ? poolOf(proxy.url.origin) : poolOf(url.origin, request.refuses);
  let receivedBytes = 0;
  const meter = metered({
    answerTimeoutMs: headersTimeout,
    onData: (bytes) => {
      receivedBytes += bytes;
    },
    onEnd: (record) => request.onEnd?.(record),
  });
  const sending = pool.compose(meter).request({
    path: proxy ? url.origin + path : path,
    // undici ends the connection after a HEAD, in case the server sends a body all the same
    reset: false,
    method: method as Dispatcher.HttpMethod,
    headers: {
      "user-agent": userAgent,
      "accept-encoding": "identity",
      ...headers,
      ...(proxy ? proxyHeaders(proxy, url) : {}),
    },
    body,
    ...(signal ? { signal } : {}),
    headersTimeout,
    highWaterMark: BODY_BUFFER_BYTES,
  });
  const response = await sending.catch((error: unknown) => {
    throw proxy ? toProxyError(error, url, proxy) : error;
  });
  watchSpeed(response.body, {
    bytesPerSecond: context.lowestBytesPerSecond ?? LOWEST_BYTES_PER_SECOND,
    windowMs: context.stallTimeoutMs,
    receivedBytes: () => receivedBytes,
  });
  const discard = async () => {
    await response.body.dump({ limit: DISCARD_LIMIT_BYTES }).catch(() => undefined);
  };
  const { statusCode: status } = response;
  if (proxy && status === 407) {
    await discard();
    throw createProxyError(url.host, { proxy, reason: "proxy-denied", detail: "answered 407" });
  }
  return {
    url,
    status,
    headers: response.headers,
    body: response.body,
    discard,
    ...(proxy ? { proxy: proxy.host } : {}),
  };
}

function proxyHeaders({ authorization }: HttpProxy, { host }: URL): Record<string, string> {
  return { host, ...(authorization ? { "proxy-authorization": authorization } : {}) };
}

function toProxyError(error: unknown, { host }: URL, proxy: HttpProxy): unknown {
  const failure = toUnreachableError(error, proxy.host);
  if (!(failure instanceof RegistryUnreachableError)) return error;
  const detail = failure.message;
  return createProxyError(host, { proxy, reason: "proxy", detail, cause: failure });
}
