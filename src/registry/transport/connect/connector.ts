import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { readChain, type ShownCertificate } from "../tls/certificate-chain.ts";
import { createCertificateError } from "../tls/certificate-error.ts";
import type { TlsContexts } from "../tls/tls-contexts.ts";
import { type NetworkReach, reachOf } from "./address.ts";
import {
  CONNECT_TIMEOUT_MS,
  createPlainDialer,
  createSecureDialer,
  type SecureDialer,
  type SecureDialOptions,
} from "./dialer.ts";
import { createGuardedLookup } from "./inward.ts";
import { isCertificateCode, isClientCertificateCode } from "./network-failure.ts";
import type { HttpProxy } from "./proxy.ts";
import type { SocketReads } from "./socket-reads.ts";
import { openTunnel } from "./tunnel.ts";

/** Opens a connection to the server of an address, through a proxy where there is one. */
export type Connector = (address: URL) => Promise<Socket>;

export interface ConnectorOptions {
  readonly contexts: TlsContexts;
  /** Whether any certificate of a host is accepted. */
  readonly trustsAny: (host: string) => boolean;
  /** The proxy on the way to a host; undefined: none. */
  readonly proxyOf: (url: URL) => HttpProxy | undefined;
}

/** What connections have shown about the hosts behind them. */
export interface Connections {
  /** Connects to addresses but those of the refused reaches. Sockets without `onread` are streams. */
  readonly connectorFor: (refuses: readonly NetworkReach[], onread?: SocketReads) => Connector;
  readonly reachOf: (hostname: string) => NetworkReach | undefined;
  /** Whether the host has ended a connection because of our certificate: what fails first may be the request on it. */
  readonly wantsCertificate: (host: string) => boolean;
  /** TLS version and certificates of the last connection to `host[:port]`. */
  readonly tlsOf: (host: string) => TlsPeer | undefined;
}

export interface TlsPeer {
  readonly protocol: string;
  readonly chain: readonly ShownCertificate[];
}

/** Connects with the certificates of each host, through a proxy where there is one. */
export function createConnections(options: ConnectorOptions): Connections {
  const reaches = new Map<string, NetworkReach>();
  const peers = new Map<string, TlsPeer>();
  const wanting = new Set<string>();
  const note = (socket: Socket, { hostname }: URL): Socket => {
    const reach = reachOf(socket.remoteAddress ?? "");
    if (reach) reaches.set(hostname.replace(/^\[|\]$/g, ""), reach);
    return socket;
  };
  const connectorFor = (refuses: readonly NetworkReach[], onread?: SocketReads): Connector => {
    const dialers = createDialers(options, refuses, onread);
    return async (address) => {
      const { host, protocol } = address;
      if (protocol !== "https:") return note(await dialers.plain(address), address);
      const dial = await dialers.secureFor(host);
      const proxy = options.proxyOf(new URL(`https://${host}`));
      const tunnel =
        proxy && (await openTunnel(proxy, await tunnelOptions(address, proxy, options)));
      const onPeer = (peer: TlsPeer) => peers.set(host, peer);
      const socket = await dialSecurely(dial, { address, tunnel, onPeer });
      socket.on("error", ({ code = "" }: NodeJS.ErrnoException) => {
        if (isClientCertificateCode(code)) wanting.add(host);
      });
      return tunnel === undefined ? note(socket, address) : socket;
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
  { contexts, trustsAny }: ConnectorOptions,
  refuses: readonly NetworkReach[],
  onread: SocketReads | undefined,
) {
  const lookup = refuses.length > 0 ? { lookup: createGuardedLookup(refuses) } : {};
  const guard = { ...lookup, ...(onread ? { onread } : {}) };
  const secure = new Map<string, Promise<SecureDialer>>();
  const secureFor = (host: string): Promise<SecureDialer> => {
    const known = secure.get(host);
    if (known !== undefined) return known;
    const dialer = contexts.contextOf(host).then((secureContext) => {
      return createSecureDialer({ ...guard, secureContext, rejectUnauthorized: !trustsAny(host) });
    });
    secure.set(host, dialer);
    return dialer;
  };
  return { plain: createPlainDialer(guard), secureFor };
}

interface SecureDial extends Pick<SecureDialOptions, "tunnel"> {
  readonly address: URL;
  readonly onPeer: (peer: TlsPeer) => void;
}

async function dialSecurely(
  dial: SecureDialer,
  { address, tunnel, onPeer }: SecureDial,
): Promise<Socket> {
  let chain: readonly ShownCertificate[] = [];
  const onShown = (socket: TLSSocket) => {
    chain = readChain(socket);
    if (chain.length > 0) onPeer({ protocol: socket.getProtocol() ?? "TLS", chain });
  };
  try {
    return await dial(address, { tunnel, onShown });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!isCertificateCode(code)) throw error;
    throw createCertificateError({ host: address.host, code, chain, cause: error });
  }
}

async function tunnelOptions(
  { host, port }: URL,
  proxy: HttpProxy,
  { contexts, trustsAny }: ConnectorOptions,
) {
  const isSecure = proxy.url.protocol === "https:";
  return {
    target: port ? host : `${host}:443`,
    secureContext: isSecure ? await contexts.contextOf(proxy.host) : undefined,
    rejectUnauthorized: !(isSecure && trustsAny(proxy.host)),
    timeoutMs: CONNECT_TIMEOUT_MS,
  };
}
