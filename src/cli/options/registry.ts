import { parseByteSize } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import { parseDuration } from "./duration.ts";
import type { FlagTable, FlagValues } from "./flag.ts";

/** How to talk to any registry. */
export const REGISTRY_FLAGS = {
  insecure: {
    type: "boolean",
    describe: "Use plain HTTP (loopback hosts always may)",
    group: "Registry:",
  },
  "tls-skip-verify": {
    type: "boolean",
    describe: "Accept any certificate",
    group: "Registry:",
  },
  "insecure-host": {
    type: "list",
    describe: "Use plain HTTP for this host[:port] only; repeatable",
    group: "Registry:",
  },
  "tls-skip-verify-host": {
    type: "list",
    describe: "Accept any certificate of this host[:port] only; repeatable",
    group: "Registry:",
  },
  "ca-file": {
    type: "list",
    describe: "Trust the certificates of this PEM file too; can be repeated",
    group: "Registry:",
  },
  "cert-file": {
    type: "string",
    describe: "Client certificate (PEM) for registries that ask for one",
    group: "Registry:",
  },
  "key-file": {
    type: "string",
    describe: "Key of --cert-file",
    group: "Registry:",
  },
  "certs-dir": {
    type: "list",
    describe: "Use this directory like /etc/docker/certs.d, and not the usual ones",
    group: "Registry:",
  },
  authfile: {
    type: "string",
    describe: "File with logins that is asked before those of Docker and Podman",
    group: "Registry:",
    env: ["REGISTRY_AUTH_FILE"],
  },
  concurrency: {
    type: "string",
    describe: "Transfers that run at once (default: 6 for pull, 4 for push)",
    group: "Registry:",
  },
  rps: {
    type: "string",
    describe:
      "Most requests per second to one registry (default: 50 for tags and outdated, else no limit)",
    group: "Registry:",
  },
  burst: {
    type: "string",
    describe: "Requests that may be sent at once where there is a limit (default: 10)",
    group: "Registry:",
  },
  "lowest-speed": {
    type: "string",
    describe:
      "Give up a connection that brings less a second over a minute (default: 100; 0: never)",
    group: "Registry:",
  },
  "retry-timeout": {
    type: "string",
    describe: "How long to go on trying without progress: 90s, 1h30m (default: 15m)",
    group: "Registry:",
  },
} as const satisfies FlagTable;

export interface RegistryOptions {
  readonly insecure: boolean;
  readonly tlsSkipVerify: boolean;
  readonly insecureHosts?: readonly string[];
  readonly tlsSkipVerifyHosts?: readonly string[];
  readonly caFiles?: readonly string[];
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly certsDirectories?: readonly string[];
  readonly concurrency?: number;
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly retryTimeoutMs?: number;
  readonly lowestBytesPerSecond?: number;
}

export function toRegistryOptions(flags: FlagValues<typeof REGISTRY_FLAGS>): RegistryOptions {
  const concurrency = flags.concurrency;
  const rps = flags.rps;
  const retryTimeout = flags["retry-timeout"];
  const speed = flags["lowest-speed"];
  return {
    insecure: flags.insecure ?? false,
    tlsSkipVerify: flags["tls-skip-verify"] ?? false,
    ...toNamedHosts(flags),
    ...toTlsFiles(flags),
    ...(concurrency === undefined ? {} : { concurrency: parseConcurrency(concurrency) }),
    ...(rps === undefined ? {} : { requestsPerSecond: parseRate(rps) }),
    ...(flags.burst === undefined ? {} : { burst: parseBurst(flags.burst) }),
    ...(retryTimeout === undefined
      ? {}
      : { retryTimeoutMs: parseDuration(retryTimeout, "retry-timeout") }),
    ...(speed === undefined ? {} : { lowestBytesPerSecond: parseSpeed(speed) }),
  };
}

function parseSpeed(text: string): number {
  return parseByteSize(text, { defaultUnit: "B", option: "lowest-speed" });
}

function toNamedHosts(flags: FlagValues<typeof REGISTRY_FLAGS>) {
  const insecureHosts = flags["insecure-host"];
  const tlsSkipVerifyHosts = flags["tls-skip-verify-host"];
  return {
    ...(insecureHosts === undefined ? {} : { insecureHosts }),
    ...(tlsSkipVerifyHosts === undefined ? {} : { tlsSkipVerifyHosts }),
  };
}

function toTlsFiles(flags: FlagValues<typeof REGISTRY_FLAGS>) {
  const caFiles = flags["ca-file"];
  const certFile = flags["cert-file"];
  const keyFile = flags["key-file"];
  const certsDirectories = flags["certs-dir"];
  return {
    ...(caFiles === undefined ? {} : { caFiles }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(certsDirectories === undefined ? {} : { certsDirectories }),
  };
}

function parseConcurrency(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= 256) return count;
  throw new UsageError(`Cannot use --concurrency: "${text}" is not a whole number from 1 to 256`);
}

function parseBurst(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot use --burst: "${text}" is not a whole number above 0`);
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && rate > 0) return rate;
  throw new UsageError(`Cannot use --rps: "${text}" is not a number above 0`);
}
