import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { createRegistryHandler, type RegistryHandlerOptions } from "./handler.ts";
import { createMemoryBackend } from "./memory-backend.ts";
import { RegistryContent } from "./memory-content.ts";
import {
  errorResponse,
  type RegistryHandler,
  type RegistryMiddleware,
  type RegistryRequest,
  type RegistryResponse,
} from "./message.ts";

export interface EmbeddedRegistryOptions extends Pick<RegistryHandlerOptions, "sparseIndexes"> {
  /** Sits between the connection and the registry. */
  readonly middleware?: RegistryMiddleware | undefined;
  /** What the registry holds at first; default nothing. Stays usable after the registry is closed. */
  readonly content?: RegistryContent | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

/** A registry in this process, in memory, on plain HTTP at a loopback address. */
export interface EmbeddedRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly content: RegistryContent;
  readonly repositories: RegistryContent["repositories"];
  /** Cuts all connections. */
  close(): Promise<void>;
}

export async function openEmbeddedRegistry(
  options: EmbeddedRegistryOptions = {},
): Promise<EmbeddedRegistry> {
  const { content = new RegistryContent(), middleware, port = 0 } = options;
  const backend = createMemoryBackend(content);
  const handler = createRegistryHandler(backend, { ...options, writer: backend });
  const answer: RegistryHandler = middleware ? (request) => middleware(request, handler) : handler;
  const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
    void serve(answer, incoming, outgoing);
  });
  await listen(server, port);
  const close = () => closeServer(server);
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    content,
    repositories: content.repositories,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function serve(
  answer: RegistryHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    await send(outgoing, await answer(toRequest(incoming)));
  } catch (error) {
    if (outgoing.headersSent || outgoing.destroyed) outgoing.destroy();
    else await send(outgoing, errorResponse(500, { code: "UNKNOWN", message: String(error) }));
  }
}

function toRequest(incoming: IncomingMessage): RegistryRequest {
  const [path = "", query = ""] = (incoming.url ?? "").split("?", 2);
  return {
    method: incoming.method ?? "GET",
    path: decodePath(path),
    query: new URLSearchParams(query),
    headers: incoming.headers,
    body: incoming,
    socket: incoming.socket,
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function send(outgoing: ServerResponse, response: RegistryResponse): Promise<void> {
  const { body, headers, status } = response;
  outgoing.writeHead(status, headers as Record<string, string | string[]>);
  if (body === undefined || Buffer.isBuffer(body)) {
    outgoing.end(body);
    return;
  }
  // Content that is slow to come does not hold its headers back.
  outgoing.flushHeaders();
  await pipeline(body, outgoing);
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
}

async function closeServer(server: Server): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
