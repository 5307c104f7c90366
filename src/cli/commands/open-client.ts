import {
  createCredentials,
  openRegistryClient,
  type RegistryClient,
  type RegistryEvent,
} from "../../index.ts";
import type { FlagValues } from "../options/flag.ts";
import { type Login, type REGISTRY_FLAGS, toRegistryOptions } from "../options/registry.ts";
import { renderRegistryEvent } from "../output/registry-line.ts";
import type { Renderer } from "../output/renderer.ts";

export interface OpenClientOptions {
  readonly flags: FlagValues<typeof REGISTRY_FLAGS>;
  /** Host that the login is for: it is never sent to another one. */
  readonly registry?: string | undefined;
  readonly login?: Login | undefined;
  readonly renderer: Renderer;
  readonly debug: boolean;
}

/** A registry client as the flags want it; what happens at the registries becomes lines of status. */
export function openClient({
  flags,
  registry,
  login,
  renderer,
  debug,
}: OpenClientOptions): RegistryClient {
  const onEvent = (event: RegistryEvent) => {
    const line = renderRegistryEvent(event, { debug });
    if (line !== undefined) renderer.onLine(line);
  };
  const authFile = flags.authfile;
  return openRegistryClient({
    ...toRegistryOptions(flags),
    credentials: createCredentials({ registry, ...login, authFile, onEvent }),
    onEvent,
  });
}
