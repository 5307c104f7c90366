import { option } from "../option.ts";

/** Why no usable answer came: decides the hint and whether another attempt can help. */
export type UnreachableReason =
  | "dns"
  | "refused"
  | "network"
  | "certificate"
  | "client-certificate"
  | "proxy"
  | "proxy-denied"
  | "plain-http"
  | "tls"
  | "timeout"
  | "reset"
  | "protocol"
  | "headers"
  | "inward";

/** In words. */
export const UNREACHABLE_REASONS: Readonly<Record<UnreachableReason, string>> = {
  dns: "the host name cannot be resolved",
  refused: "the connection is refused",
  network: "there is no route to the host",
  certificate: "its TLS certificate is not trusted",
  "client-certificate": "it does not accept our client certificate, or wants one",
  proxy: "the proxy on the way does not get through",
  "proxy-denied": "the proxy on the way does not let us through",
  "plain-http": "it speaks plain HTTP where HTTPS is expected",
  tls: "the TLS handshake failed",
  timeout: "it does not answer in time",
  reset: "the connection was closed before the answer was complete",
  protocol: "its answer is not HTTP",
  headers: "the headers of its answer are longer than 16 KiB",
  inward: "it is in an inner network, where a server must not send us",
};

/** The next step where the user named the host. */
export const UNREACHABLE_HINTS: Readonly<Record<UnreachableReason, string>> = {
  dns: "Check the spelling of the host and the DNS of this machine",
  refused: "Check the port and that the registry is running",
  network: "Check the network, routes and proxy of this machine",
  certificate: `Name the issuing certificate with ${option("caFiles")}, or the host with ${option("tlsSkipVerifyHosts")}: then any certificate of it is accepted (${option("tlsSkipVerify")}: of every host)`,
  "client-certificate": `Give a certificate that the registry accepts with ${option("certFile")} and ${option("keyFile")}, or in certs.d`,
  proxy: "Check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names the hosts that are reached without it",
  "proxy-denied":
    "Give the user of the proxy as in HTTPS_PROXY=http://user:password@host:port, or name the host in NO_PROXY",
  "plain-http": `Name the host with ${option("insecureHosts")} to allow plain HTTP (${option("insecure")}: for every host)`,
  tls: `Check the port, and name the host with ${option("insecureHosts")} if the registry has no TLS`,
  timeout: "Check firewalls and proxies between this machine and the registry",
  reset: "Run the command again: it goes on where it stopped",
  protocol: "Check that the port belongs to a registry",
  headers:
    "Look at what adds headers to its answers: cookies, a proxy, a very long Location or Link",
  inward: "Name the host itself if it is to be used",
};

const WRONG_ADDRESS =
  "Set the address by which clients reach the registry in its configuration, or in that of the proxy in front of it";

/** The same where a server gave the address: what the user names does not change it. */
export const UNREACHABLE_HINTS_NAMED: Readonly<Record<UnreachableReason, string>> = {
  ...UNREACHABLE_HINTS,
  dns: `${WRONG_ADDRESS}; or let the DNS of this machine know the host`,
  refused: WRONG_ADDRESS,
  network: WRONG_ADDRESS,
  "plain-http": `${WRONG_ADDRESS}: it gives out an address with https (X-Forwarded-Proto)`,
  tls: `${WRONG_ADDRESS}: it gives out an address with https (X-Forwarded-Proto)`,
  inward: WRONG_ADDRESS,
};
