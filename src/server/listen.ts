import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Readable } from "node:stream";
import { SYSTEM_CLOCK } from "../io/clock.ts";
import { readOpenFileLimit } from "../io/open-file-limit.ts";
import { findPortHolder } from "../io/port-holder.ts";
import { recycleReadBuffer } from "../io/read-buffers.ts";
import { ClientPace } from "./client-pace.ts";
import { ListenError } from "./errors.ts";
import {
  errorResponse,
  type RegistryHandler,
  type RegistryRequest,
  type RegistryResponse,
} from "./message.ts";
import { parseRequestTarget } from "./request-target.ts";

/** Certificate and key as they are in their files, PEM. */
export type TlsIdentity = Pick<ServerOptions, "cert" | "key" | "ca">;

export interface HttpListenerOptions {
  readonly handler: RegistryHandler;
  /** Address of this machine. */
  readonly address: string;
  /** 0: a free one. */
  readonly port: number;
  /** Makes it HTTPS. */
  readonly tls?: TlsIdentity | undefined;
  /** Patience with clients; default: two minutes for each 256 KiB, by the clock of the system. */
  readonly pace?: ClientPace | undefined;
  /** In this time a connection is secured, and each of its requests comes with all of its headers; default 20 seconds. */
  readonly headersTimeoutMs?: number | undefined;
  /** Called when the answer to a request has ended, or its connection. */
  readonly onAnswered?: ((answered: AnsweredRequest) => void) | undefined;
}

export interface AnsweredRequest {
  readonly request: RegistryRequest;
  readonly response: RegistryResponse;
  /** Bytes of the body that were handed to the connection. */
  readonly sentBytes: number;
  readonly milliseconds: number;
  /** Why the answer did not come to its end. */
  readonly failure?: unknown;
  /** The client took or sent next to nothing, and its connection was cut for that. */
  readonly isTooSlow: boolean;
}

/** Answers HTTP requests by a handler. */
export interface HttpListener extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Takes no new connections and waits until all answers have ended. */
  stop(): Promise<void>;
  /** Cuts all connections. */
  close(): Promise<void>;
  /** For connections that come from now on. */
  setTls(identity: TlsIdentity): void;
}

const HEADERS_TIMEOUT_MS = 20_000;

/**
 * Between two requests. Proxies and balancers before a server keep connections for 60 to 90 seconds, and answer 502 when
 * they send a request over one that is being closed: they are the ones to close it.
 */
const IDLE_TIMEOUT_MS = 120_000;

const CHECK_MS = 15_000;

/** Files of content, of logins and of the system stay usable however many connect. */
const RESERVED_FILES = 256;

export async function listenHttp(options: HttpListenerOptions): Promise<HttpListener> {
  const { headersTimeoutMs = HEADERS_TIMEOUT_MS, pace = new ClientPace(SYSTEM_CLOCK) } = options;
  let isStopping = false;
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // Clients keep connections for a next request, which nobody would answer any more
    outgoing.once("close", () => isStopping && setImmediate(() => server.closeIdleConnections()));
    pace.watch(incoming, outgoing);
    void serve({ ...options, pace }, incoming, outgoing);
  };
  const patience = {
    // An upload may take as long as it takes
    requestTimeout: 0,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: headersTimeoutMs / 4,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
  };
  const server = options.tls
    ? createSecureServer(
        { ...tlsOptions(options.tls), ...patience, handshakeTimeout: headersTimeoutMs },
        answer,
      )
    : createServer(patience, answer);
  const files = await readOpenFileLimit();
  if (files !== undefined) server.maxConnections = Math.max(files - RESERVED_FILES, files / 2);
  await listen(server, options);
  const checking = setInterval(() => pace.check(), CHECK_MS).unref();
  server.once("close", () => clearInterval(checking));
  const { address, port } = server.address() as AddressInfo;
  const end = (cut: () => void) =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      cut();
    });
  const close = () => end(() => server.closeAllConnections());
  return {
    address,
    port,
    stop: () => {
      isStopping = true;
      return end(() => server.closeIdleConnections());
    },
    close,
    setTls: (identity) => {
      if ("setSecureContext" in server) server.setSecureContext(tlsOptions(identity));
    },
    [Symbol.asyncDispose]: close,
  };
}

/** With an authority, clients have to show a certificate of it. */
function tlsOptions(identity: TlsIdentity): ServerOptions {
  return identity.ca === undefined
    ? identity
    : { ...identity, requestCert: true, rejectUnauthorized: true };
}

async function listen(server: Server, { address, port }: HttpListenerOptions): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, address, resolve);
    });
  } catch (error) {
    throw await toListenError(error, { address, port });
  }
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not use the port",
  EADDRNOTAVAIL: "this machine does not have the address",
  ENOTFOUND: "the address is not known",
};

async function toListenError(
  error: unknown,
  place: { readonly address: string; readonly port: number },
): Promise<unknown> {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    const holder = await findPortHolder(place.port);
    const reason = `the port is in use${holder ? ` by process ${holder}` : ""}`;
    const hint = "End that program, or choose another port; port 0 takes a free one";
    return new ListenError(place, reason, { cause: error, hint });
  }
  return new ListenError(place, LISTEN_REASONS[code] ?? message, { cause: error });
}

async function serve(
  { handler, onAnswered, pace }: HttpListenerOptions,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const startedAt = performance.now();
  const request = toRequest(incoming);
  const counter = { bytes: 0 };
  let response: RegistryResponse | undefined;
  let failure: unknown;
  try {
    response = await handler(request);
    await send(outgoing, response, counter);
  } catch (error) {
    failure = error;
    if (outgoing.headersSent || outgoing.destroyed) outgoing.destroy();
    else {
      response = errorResponse(500, { code: "UNKNOWN", message: String(error) });
      await send(outgoing, response, counter);
    }
  }
  // What was begun and not read to its end would keep the next request on the connection from being seen
  incoming.resume();
  onAnswered?.({
    request,
    response: response ?? { status: 0, headers: {} },
    sentBytes: counter.bytes,
    milliseconds: performance.now() - startedAt,
    isTooSlow: pace?.hasCut(incoming) ?? false,
    ...(failure === undefined ? {} : { failure }),
  });
}

function toRequest(incoming: IncomingMessage): RegistryRequest {
  return {
    method: incoming.method ?? "GET",
    ...parseRequestTarget(incoming.url ?? ""),
    headers: incoming.headers,
    body: incoming,
    socket: incoming.socket as Socket,
  };
}

async function send(
  outgoing: ServerResponse,
  response: RegistryResponse,
  counter: { bytes: number },
): Promise<void> {
  const { body, headers, status } = response;
  outgoing.writeHead(status, headers as Record<string, string | string[]>);
  if (body === undefined || Buffer.isBuffer(body)) {
    outgoing.end(body);
    counter.bytes = outgoing.req.method === "HEAD" ? 0 : (body?.length ?? 0);
    return;
  }
  // Content that is slow to come does not hold its headers back.
  outgoing.flushHeaders();
  await sendBody(outgoing, body, counter);
}

/** Nothing more is read than what the connection takes: it may be one of thousands. */
async function sendBody(
  outgoing: ServerResponse,
  body: Readable,
  counter: { bytes: number },
): Promise<void> {
  let fail = () => {};
  const taken = (give: (done: (failure?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      fail = () => reject(prematureClose());
      // A connection that is gone calls nobody back
      if (outgoing.destroyed) fail();
      else give((failure) => (failure ? fail() : resolve()));
    });
  const cut = () => {
    body.destroy(prematureClose());
    fail();
  };
  if (outgoing.destroyed) cut();
  else outgoing.once("close", cut);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    counter.bytes += chunk.length;
    await taken((done) => outgoing.write(chunk, done));
    // Whoever reads the next bytes may use the memory of these
    recycleReadBuffer(chunk);
  }
  await taken((done) => outgoing.end(done));
  outgoing.off("close", cut);
}

function prematureClose(): NodeJS.ErrnoException {
  return Object.assign(new Error("The client went away"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
}
