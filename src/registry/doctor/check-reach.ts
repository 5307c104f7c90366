import { describeCredential } from "../auth/credentials.ts";
import { RegistryResponseError } from "../errors.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import type { TlsPeer } from "../transport/connect/connector.ts";
import type { Transport } from "../transport/create-transport.ts";
import { failedCheck } from "./failed-check.ts";
import type { Check } from "./report.ts";

/** Address, certificates and login. */
export async function checkReach(
  host: RegistryHost,
  transport: Transport,
  signal: AbortSignal | undefined,
): Promise<readonly Check[]> {
  let refusal: unknown;
  try {
    const accepts = [200];
    const request = { method: "GET", target: "/v2/", scopes: [], accepts, signal } as const;
    await (await host.send(request)).discard();
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RegistryResponseError)) return [failedCheck("reach", error)];
    refusal = error;
  }
  const { baseUrl } = host;
  const proxy = transport.proxyOf(baseUrl);
  const way = proxy === undefined ? "directly" : `through the proxy ${proxy}`;
  const reached: Check = { name: "reach", status: "ok", detail: `${baseUrl.origin}, ${way}` };
  const peer = transport.tlsOf(baseUrl.host);
  const tls = describeTls(baseUrl, peer);
  if (refusal instanceof RegistryResponseError && refusal.code !== "REGISTRY_DENIED") {
    const hint = "Check that a registry answers here: GET /v2/ has to answer 200 or 401";
    return [failedCheck("reach", refusal, hint), tls];
  }
  return [reached, tls, refusal ? failedCheck("login", refusal) : await describeLogin(host)];
}

const DAY_MS = 24 * 60 * 60 * 1000;
const WARNING_DAYS = 30;

function describeTls({ protocol }: URL, peer: TlsPeer | undefined): Check {
  const name = "tls";
  if (protocol !== "https:") return { name, status: "limited", detail: "plain HTTP, no TLS" };
  const [own] = peer?.chain ?? [];
  if (!peer || !own) return { name, status: "ok", detail: "TLS" };
  const chain = peer.chain.map(({ subject }) => subject).join(" ← ");
  const detail = `${peer.protocol}, ${chain}, valid to ${own.validTo}`;
  const days = Math.floor((Date.parse(own.validTo) - Date.now()) / DAY_MS);
  if (days >= WARNING_DAYS) return { name, status: "ok", detail };
  const hint = "Renew the certificate of the registry before it ends";
  return { name, status: "limited", detail: `${detail} (${days} days left)`, hint };
}

async function describeLogin(host: RegistryHost): Promise<Check> {
  const name = "login";
  const credential = await host.credential([]);
  const user = credential ? describeCredential(credential) : "anonymous";
  const { loginScheme, realm } = host;
  if (loginScheme === undefined) {
    return { name, status: "ok", detail: `not asked for (${user})` };
  }
  const how = loginScheme === "bearer" ? `token from ${hostOf(realm, host.baseUrl)}` : loginScheme;
  return { name, status: "ok", detail: `${user}, ${how}` };
}

function hostOf(realm = "", base: URL): string {
  return URL.canParse(realm, base.href) ? new URL(realm, base).host : "an unknown host";
}
