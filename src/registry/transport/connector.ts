import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type * as undici from "undici";
import { type NetworkReach, reachOf } from "./address.ts";
import { readChain, type ShownCertificate } from "./certificate-chain.ts";
import { createCertificateError } from "./certificate-error.ts";
import { createGuardedLookup } from "./inward.ts";
import { isCertificateCode, isClientCertificateCode } from "./network-failure.ts";
import type { HttpProxy } from "./proxy.ts";
import type { TlsContexts } from "./tls-contexts.ts";
import { openTunnel } from "./tunnel.ts";
import { buildConnector } from "./undici.ts";

export type Connector = undici.buildConnector.connector;

/** How sockets read (`onread` of node:net). */
export interface SocketReads {
  /** Memory for the next read. */
  readonly buffer: () => Buffer;
  /** Takes what was read; false: no more until the socket is resumed. */
  readonly callback: (this: Socket, length: number, buffer: Buffer) => boolean;
}

export interface ConnectorOptions {
  readonly contexts: TlsContexts;
  /** Whether any certificate of a host is accepted. */
  readonly trustsAny: (host: string) => boolean;
  /** The proxy on the way to a host; undefined: none. */
  readonly proxyOf: (url: URL) => HttpProxy | undefined;
  readonly onread: SocketReads;
}

/** What connections have shown about the hosts behind them. */
export interface Connections {
  /** Connects to addresses but those of the refused reaches. */
  readonly connectorFor: (refuses: readonly NetworkReach[]) => Connector;
  readonly reachOf: (hostname: string) => NetworkReach | undefined;
  /** Whether the host has ended a connection because of our certificate: undici does not pass that on. */
  readonly wantsCertificate: (host: string) => boolean;
  /** TLS version and certificates of the last connection to `host[:port]`. */
  readonly tlsOf: (host: string) => TlsPeer | undefined;
}

export interface TlsPeer {
  readonly protocol: string;
  readonly chain: readonly ShownCertificate[];
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Connects with the certificates of each host, through a proxy where there is one. */
export function createConnections(options: ConnectorOptions): Connections {
  const reaches = new Map<string, NetworkReach>();
  const peers = new Map<string, TlsPeer>();
  const wanting = new Set<string>();
  const note = (socket: Socket, { hostname }: undici.buildConnector.Options): Socket => {
    const reach = reachOf(socket.remoteAddress ?? "");
    if (reach) reaches.set(hostname, reach);
    return socket;
  };
  const connectorFor = (refuses: readonly NetworkReach[]): Connector => {
    const dialers = createDialers(options, refuses);
    const connect = async (target: undici.buildConnector.Options): Promise<Socket> => {
      const host = hostOf(target);
      if (target.protocol !== "https:") return note(await dial(dialers.plain, target), target);
      const connector = await dialers.secureFor(host);
      const proxy = options.proxyOf(new URL(`https://${host}`));
      const tunnel =
        proxy && (await openTunnel(proxy, await tunnelOptions(target, proxy, options)));
      const via = tunnel === undefined ? target : { ...target, httpSocket: tunnel };
      const socket = await dial(connector, via, (peer) => peers.set(host, peer));
      socket.on("error", ({ code = "" }: NodeJS.ErrnoException) => {
        if (isClientCertificateCode(code)) wanting.add(host);
      });
      return tunnel === undefined ? note(socket, target) : socket;
    };
    return (target, callback) => {
      connect(target).then(
        (socket) => callback(null, socket),
        (error) => callback(error, null),
      );
    };
  };
  return {
    connectorFor,
    reachOf: (hostname) => reaches.get(hostname),
    wantsCertificate: (host) => wanting.has(host),
    tlsOf: (host) => peers.get(host),
  };
}

/** What opens sockets to addresses that are not refused. */
function createDialers(
  { contexts, trustsAny, onread }: ConnectorOptions,
  refuses: readonly NetworkReach[],
) {
  const secure = new Map<string, Promise<Connector>>();
  const lookup = refuses.length > 0 ? { lookup: createGuardedLookup(refuses) } : {};
  const guard = { ...lookup, onread };
  const secureFor = (host: string) => {
    const known = secure.get(host);
    if (known !== undefined) return known;
    const connector = contexts.contextOf(host).then((secureContext) => {
      return buildConnector(
        settings({ ...guard, secureContext, rejectUnauthorized: !trustsAny(host) }),
      );
    });
    secure.set(host, connector);
    return connector;
  };
  return { plain: buildConnector(settings(guard)), secureFor };
}

async function tunnelOptions(
  target: undici.buildConnector.Options,
  proxy: HttpProxy,
  { contexts, trustsAny }: ConnectorOptions,
) {
  const isSecure = proxy.url.protocol === "https:";
  return {
    target: target.port ? hostOf(target) : `${hostOf(target)}:443`,
    secureContext: isSecure ? await contexts.contextOf(proxy.host) : undefined,
    rejectUnauthorized: !(isSecure && trustsAny(proxy.host)),
    timeoutMs: CONNECT_TIMEOUT_MS,
  };
}

async function dial(
  connector: Connector,
  target: undici.buildConnector.Options,
  onPeer: (peer: TlsPeer) => void = () => undefined,
): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    let chain: readonly ShownCertificate[] = [];
    // undici gives the socket back, which its type does not say
    const opening = connector(target, (...[error, socket]) => {
      if (!error) return resolve(socket);
      const { code = "" } = error as NodeJS.ErrnoException;
      const host = hostOf(target);
      reject(
        isCertificateCode(code)
          ? createCertificateError({ host, code, chain, cause: error })
          : error,
      );
    }) as unknown as Socket | undefined;
    if (target.protocol !== "https:") return;
    // before node:tls judges the certificates: afterwards they are gone
    opening?.prependOnceListener("secure", () => {
      const socket = opening as TLSSocket;
      chain = readChain(socket);
      if (chain.length > 0) onPeer({ protocol: socket.getProtocol() ?? "TLS", chain });
    });
  });
}

/** As in URLs: `registry.local`, `registry.local:5000`, `[::1]:5000`. */
function hostOf({ host, hostname }: undici.buildConnector.Options): string {
  return host ?? hostname;
}

function settings(more: object): undici.buildConnector.BuildOptions {
  return {
    timeout: CONNECT_TIMEOUT_MS,
    ...more,
  } as undici.buildConnector.BuildOptions;
}
