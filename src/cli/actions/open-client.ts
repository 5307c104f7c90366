import { join } from "node:path";
import {
  createCredentials,
  openRegistryClient,
  type RegistryClient,
  type RegistryEvent,
} from "../../index.ts";
import type { CliContext } from "../command.ts";
import { toCacheOptions } from "../options/bundle.ts";
import type { Login } from "../options/credentials.ts";
import type { FlagValues } from "../options/flag.ts";
import { type REGISTRY_FLAGS, toRegistryOptions } from "../options/registry.ts";
import { renderRegistryEvent } from "../output/progress/registry-line.ts";
import type { Renderer } from "../output/progress/renderer.ts";

export interface OpenClientOptions {
  readonly flags: FlagValues<typeof REGISTRY_FLAGS>;
  /** Host that the login is for: it is never sent to another one. */
  readonly registry?: string | undefined;
  readonly login?: Login | undefined;
  readonly renderer: Renderer;
  readonly debug: boolean;
  /** Most requests per second to a registry, unless flags say otherwise. */
  readonly usualRequestsPerSecond?: number | undefined;
  /** Of parts of uploads. */
  readonly partSizeBytes?: number | undefined;
  readonly context: CliContext;
}

/** A registry client as the flags want it; what happens at the registries becomes lines of status. */
export function openClient({
  flags,
  registry,
  login,
  renderer,
  debug,
  context,
  partSizeBytes,
  usualRequestsPerSecond,
}: OpenClientOptions): RegistryClient {
  const onEvent = (event: RegistryEvent) => {
    // Each request is an event, and few runs show them
    if (renderRegistryEvent(event, { debug }) === undefined) return;
    const line = renderRegistryEvent(context.inFlags(event), { debug });
    if (line !== undefined) renderer.onLine(line);
  };
  const authFile = flags.authfile;
  const surroundings = toSurroundings(context.env);
  return openRegistryClient({
    ...toRegistryOptions(flags),
    ...surroundings,
    partSizeBytes,
    usualRequestsPerSecond,
    ...toRateState(context.env),
    credentials: createCredentials({ ...surroundings, registry, ...login, authFile, onEvent }),
    onEvent,
  });
}

/** Requests per second of commands that only look: what a registry has room for beside those who transfer. */
export const LOOKING_RATE = 50;

function toRateState(env: CliContext["env"]): { readonly rateStatePath?: string } {
  const { cacheDirectory } = toCacheOptions({ "no-cache": isOn(env["MIRROR_NO_CACHE"]) }, env);
  return cacheDirectory === undefined ? {} : { rateStatePath: join(cacheDirectory, "rates.json") };
}

function isOn(text: string | undefined): boolean {
  return /^(?:1|true|yes|on)$/i.test(text ?? "");
}

/** The environment of a command and the home directory that it names, for what is looked up there. */
export function toSurroundings(env: CliContext["env"]) {
  return { env: { ...env }, homeDirectory: env["HOME"] || undefined };
}
