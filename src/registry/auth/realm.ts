import { type NetworkReach, reachOf } from "../transport/connect/address.ts";
import { isInward } from "../transport/connect/inward.ts";
import { resolveOwnUrl } from "../transport/own-url.ts";

export interface RealmOptions {
  /** Base URL of the registry that named the realm. */
  readonly registryUrl: URL;
  readonly reachOfHost: (hostname: string) => NetworkReach | undefined;
}

/**
 * The URL of a token server, which will be given the user's password; `http` at the registry's own name is read as the
 * scheme in use. Throws a plain `Error` that says what is wrong:
 * not http(s), plain HTTP for a registry with HTTPS, an inner address that is not the registry's own.
 */
export function parseRealm(realm: string, { registryUrl, reachOfHost }: RealmOptions): URL {
  if (!URL.canParse(realm, registryUrl.href)) throw new Error("the realm is not a URL");
  const { username, password } = new URL(realm, registryUrl);
  const url = resolveOwnUrl(realm, registryUrl);
  if (url === undefined) throw new Error("the realm is not a web address");
  if (username !== "" || password !== "") throw new Error("the realm contains a user name");
  if (registryUrl.protocol === "https:" && url.protocol === "http:") {
    throw new Error(`the realm "${url.host}" is plain HTTP while the registry uses HTTPS`);
  }
  if (isInward(registryUrl, url, reachOfHost)) {
    throw new Error(`the realm "${url.host}" is an address of an inner network`);
  }
  return url;
}

/** Whether both hosts belong to one site, as far as their last two labels tell. */
export function isSameSite(left: URL, right: URL): boolean {
  return left.hostname === right.hostname || siteOf(left.hostname) === siteOf(right.hostname);
}

function siteOf(hostname: string): string {
  return reachOf(hostname) ? hostname : hostname.split(".").slice(-2).join(".");
}
