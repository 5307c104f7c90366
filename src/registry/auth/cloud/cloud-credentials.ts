import type { OnRegistryEvent } from "../../registry-event.ts";
import type { CredentialSource, PasswordCredential } from "../credentials.ts";
import { registryKey } from "../registry-key.ts";
import { createAcrLogin } from "./acr.ts";
import { createEcrLogin } from "./ecr.ts";
import { createExpiringCache, type Expiring } from "./expiring.ts";
import { createGoogleLogin } from "./google.ts";

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

/**
 * Logins that machines and services get from their cloud, asked only for registries of that cloud. A failure is a warning,
 * and the service is left alone for ten minutes then.
 */
export function createCloudCredentials(options: CloudLoginOptions = {}): CredentialSource {
  const { onEvent, now = Date.now } = options;
  const clouds = [createEcrLogin(options), createGoogleLogin(options), createAcrLogin(options)];
  const sources = clouds.map(({ name, keyOf, load }) => {
    const onFailure = (key: string, error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      const message = `No ${name} login for "${key}": ${reason}`;
      onEvent?.({ type: "warning", code: "CLOUD_LOGIN_FAILED", message });
    };
    return { keyOf, read: createExpiringCache({ load, onFailure, now }) };
  });
  return async (registry, question = {}) => {
    const host = registryKey(registry) ?? "";
    for (const { keyOf, read } of sources) {
      const key = keyOf(host);
      if (key !== undefined) return await read(key, { isRenewal: question.isRenewal ?? false });
    }
    return undefined;
  };
}
