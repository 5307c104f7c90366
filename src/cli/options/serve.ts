import { isAbsolute, join } from "node:path";
import type { ServerOptions } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import type { FlagTable, FlagValues } from "./flag.ts";

/** What is served, where, and under which names. */
export const SERVE_FLAGS = {
  listen: {
    type: "string",
    describe: "Address and port; port 0 takes a free one (default: 127.0.0.1:5000)",
    group: "Serving:",
  },
  host: {
    type: "list",
    describe: "NAME=REGISTRY: what a host name stands for; *.DOMAIN goes by the first label",
    group: "Serving:",
  },
  "default-namespace": {
    type: "string",
    describe: "Registry that is meant where a client does not say: docker.io",
    group: "Serving:",
  },
  "as-target": {
    type: "string",
    describe: "Serve images also under the names that a push to HOST/PATH would give them",
    group: "Serving:",
  },
  prefer: {
    type: "string",
    describe: "Which bundle counts when two have one tag with different content",
    choices: ["last"],
    group: "Serving:",
  },
  tree: {
    type: "list",
    describe:
      "Directory of a registry as files: what export static writes, or k3s's layout; repeatable",
    group: "Serving:",
  },
  writable: {
    type: "string",
    describe: "A name that clients can push to: local takes HOST:PORT/local/…, kept in --cache",
    group: "Serving:",
  },
  record: {
    type: "string",
    describe: "Add each image that is pulled to this file: a list for pull --images-from",
    group: "Serving:",
  },
  catalog: {
    type: "boolean",
    describe: "Let clients list the repositories",
    group: "Serving:",
  },
  tls: {
    type: "string",
    describe:
      "Make an authority and a certificate of it: HTTPS; what clients have to do is printed",
    choices: ["self-signed"],
    group: "Serving:",
  },
  "tls-name": {
    type: "list",
    describe: "Host name or address for that certificate, besides those of this machine",
    group: "Serving:",
  },
  "tls-directory": {
    type: "string",
    describe: "Keeps that authority (default: mirror/tls in the state directory of the user)",
    group: "Serving:",
  },
  "tls-cert": {
    type: "string",
    describe: "Certificate with its chain (PEM): HTTPS; read again on SIGHUP",
    group: "Serving:",
  },
  "tls-key": { type: "string", describe: "Key of --tls-cert", group: "Serving:" },
  "client-ca": {
    type: "string",
    describe: "Clients have to show a certificate of this authority (PEM)",
    group: "Serving:",
  },
  htpasswd: {
    type: "string",
    describe: "File with logins, written by htpasswd -B; read again on SIGHUP",
    group: "Serving:",
  },
  allow: {
    type: "list",
    describe: "Addresses and CIDR ranges that may connect (default: all)",
    group: "Serving:",
  },
  "trust-proxy": {
    type: "list",
    describe: "Proxies whose X-Forwarded-For and X-Forwarded-Host count",
    group: "Serving:",
  },
  metrics: {
    type: "string",
    describe: "Address and port for /metrics, in the format of Prometheus",
    group: "Serving:",
  },
  "ready-file": {
    type: "string",
    describe: "Write this file when connections are taken: the line that is on stdout",
    group: "Serving:",
  },
  "access-log": {
    type: "boolean",
    describe: "Print a line for each request",
    group: "Serving:",
  },
} as const satisfies FlagTable;

const DEFAULT_ADDRESS = "127.0.0.1";

export function toServerOptions(
  flags: FlagValues<typeof SERVE_FLAGS>,
  env: Environment,
): Omit<ServerOptions, "bundlePaths"> {
  return {
    ...parseListen("listen", flags.listen ?? `${DEFAULT_ADDRESS}:5000`),
    hosts: parseHosts(flags.host ?? []),
    defaultNamespace: flags["default-namespace"],
    asTarget: flags["as-target"],
    prefer: flags.prefer === "last" ? "last" : undefined,
    trees: flags.tree,
    writable: flags.writable,
    recordFile: flags.record,
    catalog: flags.catalog,
    tlsDirectory: toTlsDirectory(flags, env),
    tlsNames: flags["tls-name"],
    tlsCertFile: flags["tls-cert"],
    tlsKeyFile: flags["tls-key"],
    clientCaFile: flags["client-ca"],
    htpasswdFile: flags.htpasswd,
    allow: flags.allow,
    trustProxy: flags["trust-proxy"],
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `XDG_STATE_HOME` as the base-directory specification has it. */
function toTlsDirectory(
  { tls, "tls-directory": directory }: FlagValues<typeof SERVE_FLAGS>,
  { HOME, LOCALAPPDATA, XDG_STATE_HOME }: Environment,
): string | undefined {
  if (tls === undefined || directory !== undefined) return directory;
  const given = [XDG_STATE_HOME, LOCALAPPDATA, HOME && join(HOME, ".local", "state")];
  // Relative ones are to be ignored
  const base = given.find((path) => path && isAbsolute(path));
  if (base) return join(base, "mirror", "tls");
  throw new UsageError("Cannot use --tls self-signed: there is no home directory to keep it in", {
    hint: "Name a directory with --tls-directory",
  });
}

/** `127.0.0.1:5000`, `[::]:5000`, `:5000`; without an address only this machine can connect. */
export function parseListen(
  flag: "listen" | "metrics",
  text: string,
): { readonly address: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits ?? Number.NaN);
  if (!(port <= 65_535)) {
    throw new UsageError(`Cannot use --${flag} "${text}": it is not ADDRESS:PORT`, {
      hint: "Write 127.0.0.1:5000, or 0.0.0.0:5000 for all addresses of this machine",
    });
  }
  return { address: (bracketed ?? plain) || DEFAULT_ADDRESS, port };
}

/** `quay.mirror.lan=quay.io`, `*.mirror.lan`. */
function parseHosts(entries: readonly string[]): Readonly<Record<string, string>> {
  const bad: string[] = [];
  const hosts = entries.map((entry) => {
    const [, wildcard, name, namespace] =
      /^(?:(\*\.[^=\s]+)|([^=*\s:]+)=([^=\s]+))$/.exec(entry) ?? [];
    if (wildcard !== undefined) return [wildcard, "*"] as const;
    if (name === undefined || namespace === undefined) bad.push(`"${entry}"`);
    return [name ?? "", namespace ?? ""] as const;
  });
  if (bad.length === 0) return Object.fromEntries(hosts);
  throw new UsageError(
    `Cannot use --host ${bad.join(", ")}: it is neither NAME=REGISTRY nor *.DOMAIN`,
    {
      hint: "Write --host quay.mirror.lan=quay.io, or --host '*.mirror.lan'",
    },
  );
}
