import type { AddressList } from "./address-list.ts";
import type { Logins } from "./htpasswd.ts";
import { errorResponse, type RegistryRequest, type RegistryResponse } from "./message.ts";

export interface AccessRules {
  /** Addresses that may connect; default all. */
  readonly allow?: AddressList | undefined;
  /** Proxies whose word on the client and on the host name it used counts. */
  readonly trustedProxies?: AddressList | undefined;
  /** Who may come in; default everybody. */
  readonly logins?: Logins | undefined;
}

/** Who asks, as far as it can be known. */
export interface Caller {
  readonly address: string;
  /** Host name that the client connected to, with the port as it sent it. */
  readonly host: string;
}

/** Looks through the proxies that are trusted: the last address before them is the client. */
export function callerOf(request: RegistryRequest, { trustedProxies }: AccessRules): Caller {
  const { headers, socket } = request;
  let address = socket.remoteAddress ?? "";
  const host = headers.host ?? "";
  if (!trustedProxies?.(address)) return { address, host };
  const hops = textOf(headers["x-forwarded-for"])
    .split(",")
    .map((hop) => hop.trim());
  for (let hop = hops.pop(); hop; hop = hops.pop()) {
    address = hop;
    if (!trustedProxies(hop)) break;
  }
  return { address, host: textOf(headers["x-forwarded-host"]).trim() || host };
}

/** The refusal of a request, if it is refused. */
export async function refuseCaller(
  request: RegistryRequest,
  { address }: Caller,
  { allow, logins }: AccessRules,
): Promise<RegistryResponse | undefined> {
  if (allow && !allow(address)) {
    return errorResponse(403, { code: "DENIED", message: "this address may not connect" });
  }
  if (logins === undefined) return undefined;
  const login = parseBasic(request.headers.authorization);
  if (login && (await logins.check(login.username, login.password))) return undefined;
  return errorResponse(
    401,
    { code: "UNAUTHORIZED", message: "a login is required" },
    { "www-authenticate": 'Basic realm="mirror", charset="UTF-8"' },
  );
}

function parseBasic(header: string | undefined) {
  const [, encoded] = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(header ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function textOf(header: string | readonly string[] | undefined): string {
  return typeof header === "string" ? header : (header ?? []).join(",");
}
