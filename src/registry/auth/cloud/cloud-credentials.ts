import type { CredentialSource } from "../credentials.ts";
import { registryKey } from "../registry-key.ts";
import { createAcrLogin } from "./acr.ts";
import type { CloudLoginOptions } from "./cloud-login.ts";
import { createEcrLogin } from "./ecr.ts";
import { createExpiringCache } from "./expiring.ts";
import { createGoogleLogin } from "./google.ts";

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
