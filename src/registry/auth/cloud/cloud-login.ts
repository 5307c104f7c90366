import type { OnRegistryEvent } from "../../registry-event.ts";
import type { PasswordCredential } from "../credentials.ts";
import type { Expiring } from "./expiring.ts";

export interface CloudLoginOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly homeDirectory?: string | undefined;
  readonly onEvent?: OnRegistryEvent | undefined;
  /** Time of day in milliseconds. */
  readonly now?: (() => number) | undefined;
}

/** How one cloud gives logins to its registries. */
export interface CloudLogin {
  readonly name: string;
  /** What registries share a login by; undefined: not a registry of this cloud. */
  readonly keyOf: (host: string) => string | undefined;
  readonly load: (key: string) => Promise<Expiring<PasswordCredential>>;
}
