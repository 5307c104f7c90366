import { type Notice, parseByteSize } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import { parseDuration } from "./duration.ts";
import { type FlagTable, type FlagValues, variableOf } from "./flag.ts";

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

/** Who we are at the source. */
export const SOURCE_LOGIN_FLAGS = {
  "source-login": {
    type: "string",
    describe: "User name at the source",
    group: "Source:",
    env: ["D8_MIRROR_SOURCE_LOGIN"],
  },
  "source-password": {
    type: "string",
    describe: "Password at the source; better by MIRROR_SOURCE_PASSWORD",
    group: "Source:",
    env: ["D8_MIRROR_SOURCE_PASSWORD"],
  },
  "source-password-stdin": {
    type: "boolean",
    describe: "Read the password at the source from stdin",
    group: "Source:",
  },
  license: {
    type: "string",
    describe: "License token: stands for login and password; better by MIRROR_LICENSE",
    alias: "l",
    group: "Source:",
    env: ["D8_MIRROR_LICENSE_TOKEN"],
  },
  "license-stdin": {
    type: "boolean",
    describe: "Read the license token from stdin",
    group: "Source:",
  },
} as const satisfies FlagTable;

/** Who we are at the target. */
export const TARGET_LOGIN_FLAGS = {
  "registry-login": {
    type: "string",
    describe: "User name at the target",
    alias: "u",
    group: "Target:",
    env: ["D8_MIRROR_REGISTRY_LOGIN"],
  },
  "registry-password": {
    type: "string",
    describe: "Password at the target; better by MIRROR_REGISTRY_PASSWORD",
    alias: "p",
    group: "Target:",
    env: ["D8_MIRROR_REGISTRY_PASSWORD"],
  },
  "registry-password-stdin": {
    type: "boolean",
    describe: "Read the password at the target from stdin",
    group: "Target:",
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

export interface Login {
  readonly login: string;
  readonly password: string;
  /** Where it is from, for messages. */
  readonly origin: string;
}

/** User name that goes with a license token (reference system). */
const LICENSE_USER = "license-token";

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

export interface LoginContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the flag that reads one from stdin. */
  readonly secretFromStdin?: string | undefined;
  /** Asks somebody for the password of a user; undefined where nobody can be asked. */
  readonly ask?: (login: string) => Promise<string | undefined>;
}

/** Login and password win over a license token; nothing given: the files that Docker and Podman keep. */
export async function toSourceLogin(
  flags: FlagValues<typeof SOURCE_LOGIN_FLAGS>,
  context: LoginContext,
): Promise<Login | undefined> {
  const { secretFromStdin } = context;
  if (flags["source-password-stdin"] && flags["license-stdin"]) {
    throw new UsageError("Cannot read both the password and the license token from stdin");
  }
  const password = flags["source-password-stdin"] ? secretFromStdin : flags["source-password"];
  const license = flags["license-stdin"] ? secretFromStdin : flags.license;
  const given = { login: flags["source-login"], password };
  const login = await pairOf(given, { ...context, side: "source" });
  if (login !== undefined || license === undefined) return login;
  return { login: LICENSE_USER, password: license, origin: "--license" };
}

export function toTargetLogin(
  flags: FlagValues<typeof TARGET_LOGIN_FLAGS>,
  context: LoginContext,
): Promise<Login | undefined> {
  const password = flags["registry-password-stdin"]
    ? context.secretFromStdin
    : flags["registry-password"];
  return pairOf({ login: flags["registry-login"], password }, { ...context, side: "registry" });
}

interface Given {
  readonly login: string | undefined;
  readonly password: string | undefined;
}

type Side = "source" | "registry";

async function pairOf(
  { login, password: given }: Given,
  { side, env, ask }: LoginContext & { readonly side: Side },
): Promise<Login | undefined> {
  if (login === undefined && (given === undefined || variableWith(given, side, env))) {
    return undefined;
  }
  const password = given ?? (login === undefined ? undefined : await ask?.(login));
  if (login !== undefined && password !== undefined) {
    return { login, password, origin: `--${side}-login` };
  }
  const missing = login === undefined ? `--${side}-login` : `--${side}-password`;
  throw new UsageError(`Cannot log in: ${missing} is missing`, {
    hint: `Give --${side}-login and --${side}-password together`,
  });
}

/** A password that lies in the environment for good, beside a stored login, is no mistake; that it is not used is said. */
export function noticesOfPasswords(
  flags: FlagValues<typeof SOURCE_LOGIN_FLAGS & typeof TARGET_LOGIN_FLAGS>,
  env: LoginContext["env"],
): readonly Notice[] {
  return (["source", "registry"] as const).flatMap((side) => {
    const password = flags[`${side}-password`];
    const isAlone = flags[`${side}-login`] === undefined && password !== undefined;
    const variable = isAlone ? variableWith(password, side, env) : undefined;
    if (variable === undefined) return [];
    const message = `${variable} has no effect without --${side}-login: stored logins are used`;
    return [{ code: "PASSWORD_UNUSED", message }];
  });
}

function variableWith(password: string, side: Side, env: LoginContext["env"]): string | undefined {
  const name = `${side}-password` as const;
  const { env: others } = { ...SOURCE_LOGIN_FLAGS, ...TARGET_LOGIN_FLAGS }[name];
  return [variableOf(name), ...others].find((variable) => env[variable] === password);
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
