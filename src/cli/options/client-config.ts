import { RUNTIME_DEFAULTS, type RuntimeOptions } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import type { FlagTable, FlagValues } from "./flag.ts";

/** Where a client is sent, and what becomes of its files. */
export const CLIENT_CONFIG_FLAGS = {
  mirror: {
    type: "string",
    describe: "Address of the mirror: https://host:port, with a path if it is below one",
    group: "Mirror:",
  },
  namespaces: {
    type: "list",
    describe: "Registries that it stands for: docker.io,reg.example:5000; * for all others",
    group: "Mirror:",
  },
  bundle: {
    type: "list",
    describe: "Directory of a bundle: the registries that its images are named after",
    group: "Mirror:",
  },
  form: {
    type: "string",
    describe: "How the client says which registry it means (default: what it does best)",
    choices: ["ns", "path", "host"],
    group: "Mirror:",
  },
  "no-fallback": {
    type: "boolean",
    describe: "Never let the client ask the registry itself",
    group: "Mirror:",
  },
  "ca-file": {
    type: "string",
    describe: "Certificate of the mirror's authority (PEM)",
    group: "Mirror:",
  },
  "tls-skip-verify": {
    type: "boolean",
    describe: "Let the client accept any certificate of the mirror",
    group: "Mirror:",
  },
  username: { type: "string", describe: "Login of the mirror", alias: "u", group: "Mirror:" },
  "password-stdin": {
    type: "boolean",
    describe: "Read its password from stdin; MIRROR_PASSWORD is read too",
    group: "Mirror:",
  },
  "include-secrets": {
    type: "boolean",
    describe: "Write the login into the files, which only their owner may read",
    group: "Mirror:",
  },
  out: { type: "string", describe: "Write the files below this directory", group: "Files:" },
  diff: {
    type: "boolean",
    describe: "Show what would change below --out, and change nothing",
    group: "Files:",
  },
  remove: {
    type: "boolean",
    describe: "Take back what was written below --out",
    group: "Files:",
  },
  inject: {
    type: "boolean",
    describe: "Print the script that writes the files into running nodes",
    group: "Files:",
  },
  cluster: {
    type: "string",
    describe: "Name of the cluster: kind, k3d, vcluster",
    group: "Runtime:",
  },
  workers: { type: "string", describe: "Nodes beside the first: kind", group: "Runtime:" },
  format: {
    type: "string",
    describe: "legacy: for Talos before 1.12",
    choices: ["documents", "legacy"],
    group: "Runtime:",
  },
  "system-default-registry": {
    type: "string",
    describe: "Registry that k3s and RKE2 take their own images from",
    group: "Runtime:",
  },
  domain: {
    type: "string",
    describe: "Domain below which each registry has a host name: nginx, caddy",
    group: "Runtime:",
  },
  port: {
    type: "string",
    describe: "Port that is listened on: nginx, caddy, compose, …",
    group: "Runtime:",
  },
  "cert-file": {
    type: "string",
    describe: "Certificate on the proxy: nginx, caddy",
    group: "Runtime:",
  },
  "key-file": { type: "string", describe: "Its key: nginx, caddy", group: "Runtime:" },
  upstream: {
    type: "list",
    describe: "Registries that serve caches: compose, systemd, kubernetes",
    group: "Runtime:",
  },
  image: {
    type: "string",
    describe: "Container image of this program: compose, kubernetes",
    group: "Runtime:",
  },
  program: { type: "string", describe: "Path of this program: systemd", group: "Runtime:" },
  workload: {
    type: "string",
    describe: "One for the cluster, or one on each node: kubernetes",
    choices: ["deployment", "daemonset"],
    group: "Runtime:",
  },
} as const satisfies FlagTable;

export type ClientConfigFlags = FlagValues<typeof CLIENT_CONFIG_FLAGS>;

/** Commas separate, as a registry has none in its name. */
export function toNamespaces(flags: ClientConfigFlags): readonly string[] {
  return (flags.namespaces ?? []).flatMap((text) =>
    text.split(",").flatMap((part) => part.trim() || []),
  );
}

/** What only some runtimes ask; `bundles` are absolute paths. */
export function toRuntimeOptions(
  flags: ClientConfigFlags,
  bundles: readonly string[],
): Partial<RuntimeOptions> {
  const { proxy, serve } = RUNTIME_DEFAULTS;
  const port = flags.port === undefined ? undefined : toCount("port", flags.port, 65_535);
  const certFile = flags["cert-file"];
  const keyFile = flags["key-file"];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new UsageError("Cannot use --cert-file and --key-file: they belong together");
  }
  return {
    ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
    ...(flags.workers === undefined ? {} : { workers: toCount("workers", flags.workers, 100) }),
    ...(flags.format === "legacy" ? { talosFormat: "legacy" } : {}),
    systemDefaultRegistry: flags["system-default-registry"],
    proxy: {
      domain: flags.domain ?? proxy.domain,
      port: port ?? proxy.port,
      ...(certFile && keyFile ? { certificate: { certFile, keyFile } } : {}),
    },
    serve: {
      bundles,
      upstreams: flags.upstream ?? serve.upstreams,
      image: flags.image ?? serve.image,
      program: flags.program ?? serve.program,
      port: port ?? serve.port,
      workload: flags.workload === "daemonset" ? "daemonset" : "deployment",
    },
  };
}

function toCount(name: string, text: string, limit: number): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= limit) return value;
  throw new UsageError(`Cannot use --${name} "${text}": it is no number from 0 to ${limit}`);
}
