import { OptionInvalidError } from "../../errors.ts";
import { option } from "../../option.ts";
import { RegistryUnreachableError } from "../errors.ts";
import type { NetworkReach } from "./connect/address.ts";
import { limitExchanges } from "./connect/connection-limit.ts";
import { type Connections, createConnections, type TlsPeer } from "./connect/connector.ts";
import { createNamedHosts } from "./connect/named-hosts.ts";
import { toUnreachableError } from "./connect/network-failure.ts";
import { type HttpProxy, selectProxy } from "./connect/proxy.ts";
import { createProxyError } from "./connect/tunnel.ts";
import type { Exchanges } from "./exchange.ts";
import type { HttpRequest, HttpResponse, SendRequest } from "./http.ts";
import { createTlsContexts, type TlsContextsOptions } from "./tls/tls-contexts.ts";

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
/** An answer may take this many times as long as a pause between two pieces of a body. */
const ANSWER_TIMEOUT_FACTOR = 2;
/** Below a modem that sixteen transfers share. */
const LOWEST_BYTES_PER_SECOND = 100;

/** What sends over connections. */
export type CreateExchanges = (options: TransportOptions, connections: Connections) => Exchanges;

/** Opens the connections of a client, or of one of its threads. */
export function createTransport(options: TransportOptions, create: CreateExchanges): Transport {
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
  const exchanges = create(options, connections);
  const context = { exchanges, proxyOf, ...options };
  let isChecked = false;
  const sendHere: SendRequest = async (request) => {
    if (!isChecked) await contexts.check();
    isChecked = true;
    try {
      return await send(request, context);
    } catch (error) {
      const { host } = request.url;
      throw connections.wantsCertificate(host) ? toCertificateWanted(error, host) : error;
    }
  };
  const sendAnywhere: SendRequest = (request) => {
    if (!request.via) return sendHere(request);
    // What a thread connects to counts as met
    if (request.url.protocol === "https:") trusted.has(request.url.host);
    return request.via(request);
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
      await exchanges.close();
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

interface SendContext extends TransportOptions {
  readonly exchanges: Exchanges;
  readonly proxyOf: (url: URL) => HttpProxy | undefined;
}

async function send(request: HttpRequest, context: SendContext): Promise<HttpResponse> {
  request.signal?.throwIfAborted();
  try {
    return await exchange(request, context);
  } catch (error) {
    request.signal?.throwIfAborted();
    throw toUnreachableError(error, request.url.host, request.namedBy);
  }
}

async function exchange(request: HttpRequest, context: SendContext): Promise<HttpResponse> {
  const { url, method, headers, body, signal, onSent, onEnd } = request;
  const { exchanges, proxyOf, userAgent, stallTimeoutMs } = context;
  // HTTPS goes through the proxy by its connection, plain HTTP by its address
  const proxy = url.protocol === "http:" ? proxyOf(url) : undefined;
  const path = url.pathname + url.search;
  const sending = exchanges.send({
    origin: proxy?.url.origin ?? url.origin,
    host: url.host,
    // a proxy is named by the user, and looks names up itself
    refuses: proxy ? [] : (request.refuses ?? []),
    method,
    target: proxy ? url.origin + path : path,
    headers: {
      "user-agent": userAgent,
      "accept-encoding": "identity",
      ...headers,
      ...(proxy ? proxyHeaders(proxy, url) : {}),
    },
    body,
    movesBlob: request.movesBlob ?? false,
    signal,
    stallTimeoutMs,
    lowestBytesPerSecond: context.lowestBytesPerSecond ?? LOWEST_BYTES_PER_SECOND,
    answerTimeoutMs: stallTimeoutMs * ANSWER_TIMEOUT_FACTOR + (request.extraAnswerMs ?? 0),
    onSent,
    onEnd,
  });
  const fail = (error: unknown) => {
    throw proxy ? toProxyError(error, url, proxy) : error;
  };
  const answer = await (proxy ? sending.catch(fail) : sending);
  if (proxy && answer.status === 407) {
    await answer.discard();
    throw createProxyError(url.host, { proxy, reason: "proxy-denied", detail: "answered 407" });
  }
  // in place: its body is made when it is asked for
  return Object.assign(answer, { url }, proxy && { proxy: proxy.host });
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
