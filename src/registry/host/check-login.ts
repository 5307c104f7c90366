import type { RegistryHost } from "./registry-host.ts";

export interface LoginCheck {
  /** False: the registry lets everybody in here, so the login has not been checked. */
  readonly isChecked: boolean;
}

/** Asks a registry for its API version, as the one request that needs a login and no repository. */
export async function checkLogin(
  host: RegistryHost,
  signal: AbortSignal | undefined,
): Promise<LoginCheck> {
  const response = await host.send({
    method: "GET",
    target: "/v2/",
    scopes: [],
    accepts: [200],
    signal,
  });
  await response.discard();
  return { isChecked: host.loginScheme !== undefined };
}
