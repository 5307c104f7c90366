import type { Clock } from "../../io/clock.ts";
import { Authorizer, type RealmUse } from "../auth/authorizer.ts";
import type { CredentialSource } from "../auth/credentials.ts";
import { isSameSite, parseRealm } from "../auth/realm.ts";
import type { SentSecrets } from "../auth/sent-secrets.ts";
import { TokenCache } from "../auth/token.ts";
import { createTokenIssuer } from "../auth/token-issuer.ts";
import { RegistryResponseError } from "../errors.ts";
import type { ReachOfHost } from "../transport/connect/inward.ts";
import type { HttpRequest, HttpResponse, SendRequest } from "../transport/http.ts";
import { sendFollowing } from "../transport/redirect.ts";

export interface HostAuthorizerOptions {
  readonly registry: string;
  readonly credentials: CredentialSource;
  readonly clock: Clock;
  readonly secrets: SentSecrets;
  readonly baseUrl: () => URL;
  readonly reachOfHost: ReachOfHost;
  readonly send: SendRequest;
  /** A request to another origin than that of the registry. */
  readonly guard: (request: HttpRequest) => HttpRequest;
  /** A login is checked by another site than that of the registry. */
  readonly onRealmElsewhere: (host: string) => void;
}

/** The authorizer of one registry: tokens come from where it says, if that may be asked. */
export function createHostAuthorizer(options: HostAuthorizerOptions): Authorizer {
  const { registry, credentials, clock, secrets, baseUrl } = options;
  const { redact } = secrets;
  const send: SendRequest = (request) => {
    secrets.note(request);
    const isOwn = request.url.origin === baseUrl().origin;
    return sendToken(isOwn ? request : options.guard(request), options);
  };
  const issue = createTokenIssuer({
    ...{ registry, send, redact },
    credential: (scopes) => authorizer.credential(scopes),
    renewCredential: (scopes) => authorizer.renewCredential(scopes),
    denialHint: (scopes, denied) => authorizer.denialHint(scopes, denied),
  });
  const tokens = new TokenCache(clock, issue);
  const checkRealm = (realm: string, use: RealmUse) => checkRealmOf(realm, use, options);
  const authorizer = new Authorizer({ registry, credentials, tokens, checkRealm });
  return authorizer;
}

function checkRealmOf(
  realm: string,
  { hasCredential }: RealmUse,
  { registry, baseUrl, reachOfHost, onRealmElsewhere }: HostAuthorizerOptions,
): URL {
  const registryUrl = baseUrl();
  try {
    const url = parseRealm(realm, { registryUrl, reachOfHost });
    if (hasCredential && !isSameSite(url, registryUrl)) onRealmElsewhere(url.host);
    return url;
  } catch (cause) {
    const objection = cause instanceof Error ? cause.message : String(cause);
    const url = new URL("/v2/", registryUrl);
    throw new RegistryResponseError(
      { registry, method: "GET", url, status: 401, objection },
      { cause },
    );
  }
}

/** A POST carries secrets in its body, so it is never sent on to where a redirect points. */
async function sendToken(
  request: HttpRequest,
  { registry, reachOfHost, send }: HostAuthorizerOptions,
): Promise<HttpResponse> {
  if (request.method !== "GET") return await send(request);
  return await sendFollowing(send, request, { registry, reachOfHost });
}
