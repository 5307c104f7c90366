import type { HttpRequest } from "../transport/http.ts";
import type { Credential, IdentityTokenCredential, PasswordCredential } from "./credentials.ts";
import { mergeScopes } from "./scope.ts";
import type { IssuedToken, TokenRequest } from "./token.ts";

/** Largest answer of a token server that is read. */
export const TOKEN_LIMIT_BYTES: number = 1024 * 1024;

const CLIENT_ID = "airgap-mirror";
/** Servers that give less mean a minute: the default of the token specification. */
const LIFETIME_FLOOR_S = 60;

/**
 * The requests that may give a token, best first; the next one is tried when the server does not know the method.
 * GET is understood everywhere for passwords, while identity tokens exist only in the POST of OAuth 2.
 */
export function planTokenRequests(
  request: TokenRequest,
  credential: Credential | undefined,
): readonly HttpRequest[] {
  if (credential?.kind === "identity-token") return [postIdentityToken(request, credential)];
  if (credential?.kind === "password") {
    return [get(request, credential), postPassword(request, credential)];
  }
  return [get(request)];
}

/** Reads a token server's answer; undefined if it contains no token that could be sent. */
export function parseTokenAnswer(bytes: Buffer): IssuedToken | undefined {
  let answer: Record<string, unknown>;
  try {
    answer = JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
  } catch {
    // the text of a JSON error quotes its input, which may be a secret
    return undefined;
  }
  const { token, access_token: accessToken, expires_in: expiresIn } = answer ?? {};
  const found = [token, accessToken].find((value) => typeof value === "string" && value !== "");
  // only what can be a header value: anything else would end the header or the request
  if (typeof found !== "string" || !/^[\x21-\x7e]+$/.test(found)) return undefined;
  const seconds = Number(expiresIn);
  const lifetimeS = Number.isFinite(seconds)
    ? Math.max(seconds, LIFETIME_FLOOR_S)
    : LIFETIME_FLOOR_S;
  return { token: found, lifetimeMs: lifetimeS * 1000 };
}

export function basicAuthorization({ username, password }: PasswordCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function get({ realm, service, scopes }: TokenRequest, user?: PasswordCredential): HttpRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of mergeScopes(scopes)) url.searchParams.append("scope", scope);
  url.searchParams.set("client_id", CLIENT_ID);
  if (user) url.searchParams.set("account", user.username);
  const headers = user ? { authorization: basicAuthorization(user) } : {};
  return { method: "GET", url, headers };
}

function postPassword(
  request: TokenRequest,
  { username, password }: PasswordCredential,
): HttpRequest {
  return post(request, { grant_type: "password", username, password });
}

function postIdentityToken(request: TokenRequest, user: IdentityTokenCredential): HttpRequest {
  return post(request, { grant_type: "refresh_token", refresh_token: user.identityToken });
}

function post(
  { realm, service, scopes }: TokenRequest,
  fields: Readonly<Record<string, string>>,
): HttpRequest {
  const form = new URLSearchParams({
    ...fields,
    ...(service === undefined ? {} : { service }),
    client_id: CLIENT_ID,
    scope: mergeScopes(scopes).join(" "),
  });
  return {
    method: "POST",
    url: realm,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: Buffer.from(form.toString()),
  };
}
