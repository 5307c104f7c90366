import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectSecure, type SecureContext, type TLSSocket } from "node:tls";
import type { SocketReads } from "./socket-reads.ts";

export interface DialerOptions {
  readonly onread?: SocketReads | undefined;
  /** Finds the addresses of a name; default: as the system does. */
  readonly lookup?: LookupFunction | undefined;
}

export interface SecureDialerOptions extends DialerOptions {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
}

/** Opens a connection to the server of an address. */
export type Dialer = (address: URL) => Promise<Socket>;

export interface SecureDialOptions {
  /** What leads there already. */
  readonly tunnel: Socket | undefined;
  /** Called before the certificates of the server are judged: afterwards they are gone. */
  readonly onShown: (socket: TLSSocket) => void;
}

export type SecureDialer = (address: URL, options: SecureDialOptions) => Promise<Socket>;

export const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;
const [HTTP_PORT, HTTPS_PORT] = [80, 443];

export function createPlainDialer(options: DialerOptions): Dialer {
  return (address) => {
    const socket = connect({ ...options, host: bareNameOf(address), port: portOf(address) });
    return untilOpen(socket, "connect");
  };
}

/** With TLS, for one host: what a connection has agreed on is gone on with by the next. */
export function createSecureDialer(options: SecureDialerOptions): SecureDialer {
  let session: Buffer | undefined;
  return (address, { onShown, tunnel }) => {
    const host = bareNameOf(address);
    const socket = connectSecure({
      ...options,
      host,
      port: portOf(address),
      // addresses are no names (RFC 6066, section 3)
      servername: isIP(host) ? "" : host,
      ALPNProtocols: ["http/1.1"],
      ...(session ? { session } : {}),
      ...(tunnel ? { socket: tunnel } : {}),
    });
    socket.prependOnceListener("secure", () => onShown(socket));
    socket.on("session", (agreed) => {
      session = agreed;
    });
    return untilOpen(socket, "secureConnect");
  };
}

async function untilOpen(socket: Socket, opened: "connect" | "secureConnect"): Promise<Socket> {
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = new Error("The server does not take the connection");
      socket.destroy(Object.assign(error, { code: "ETIMEDOUT" }));
    }, CONNECT_TIMEOUT_MS);
    socket.once(opened, () => {
      clearTimeout(timer);
      resolve(socket);
    });
    // stays: an error before somebody else listens would end the program
    socket.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

function bareNameOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === "https:" ? HTTPS_PORT : HTTP_PORT);
}
