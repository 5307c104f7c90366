import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { IssuedCertificate } from "./authority.ts";

export interface TestProxyOptions {
  readonly user?: string | undefined;
  /** Answers every request with this status. */
  readonly status?: number | undefined;
  readonly tls?: ServerOptions | undefined;
  /** Ends the TLS of every tunnel with this certificate and passes the requests on to this plain HTTP server. */
  readonly tunnelTo?: (IssuedCertificate & { readonly host: string }) | undefined;
}

export interface TestProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** `CONNECT host:port`, `GET http://…` */
  readonly seen: readonly { readonly line: string; readonly authorization: string | undefined }[];
}

/** A proxy for which every name leads to this machine. */
export async function startProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const seen: { line: string; authorization: string | undefined }[] = [];
  const expected = options.user && `Basic ${Buffer.from(options.user).toString("base64")}`;
  const refusalOf = ({ method, url, headers }: IncomingMessage): number | undefined => {
    const authorization = headers["proxy-authorization"];
    seen.push({ line: `${method} ${url}`, authorization });
    if (expected && authorization !== expected) return 407;
    return options.status;
  };
  const forward = (incoming: IncomingMessage, response: ServerResponse) => {
    const refusal = refusalOf(incoming);
    if (refusal) return void response.writeHead(refusal).end("<h1>no</h1>");
    const url = new URL(incoming.url ?? "");
    const { method, headers } = incoming;
    const { "proxy-authorization": _, ...passed } = headers;
    const { port, pathname, search } = url;
    const target = { host: "127.0.0.1", port, path: pathname + search, method, headers: passed };
    const outgoing = request(target, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.writeHead(502).end());
    incoming.pipe(outgoing);
  };
  const server = options.tls ? createTlsServer(options.tls, forward) : createServer(forward);
  const sockets = new Set<Socket>();
  server.on("connect", (incoming: IncomingMessage, socket: Socket) => {
    const refusal = refusalOf(incoming);
    if (refusal) return void socket.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 0\r\n\r\n`);
    const { tunnelTo } = options;
    const upstream = connect(Number(portOf(tunnelTo?.host ?? incoming.url)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const plain = tunnelTo ? new TLSSocket(socket, { isServer: true, ...tunnelTo }) : socket;
      plain.on("error", () => socket.destroy());
      plain.pipe(upstream).pipe(plain);
    });
    for (const one of [socket, upstream]) {
      sockets.add(one);
      one.on("error", () => socket.destroy());
    }
    upstream.on("close", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
        server.closeAllConnections();
      }),
  };
}

function portOf(authority = ""): string {
  return new URL(`http://${authority}`).port;
}
