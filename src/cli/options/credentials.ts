import type { Notice } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import { type FlagTable, type FlagValues, variableOf } from "./flag.ts";

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

export interface Login {
  readonly login: string;
  readonly password: string;
  /** Where it is from, for messages. */
  readonly origin: string;
}

/** User name that goes with a license token (reference system). */
const LICENSE_USER = "license-token";

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
