import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

export interface TestServer extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly seen: readonly SeenRequest[];
  /** Connections that have been opened. */
  readonly connections: number;
}

export type Answer = (request: SeenRequest, response: ServerResponse) => void;

/** A bare server for answers that no registry should give. */
export async function startServer(answer: Answer, tls?: ServerOptions): Promise<TestServer> {
  const seen: SeenRequest[] = [];
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    const { method = "", url = "", headers } = incoming;
    const request = { method, url, headers };
    seen.push(request);
    incoming.resume();
    answer(request, response);
  };
  let connections = 0;
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    get connections() {
      return connections;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with a status, headers and a body. */
export function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  body: string | Buffer = "",
): void {
  response.writeHead(status, headers as Record<string, string | string[]>).end(body);
}
