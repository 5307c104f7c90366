import type { Authorizer } from "../auth/authorizer.ts";
import type { RegistryResponseError } from "../errors.ts";
import { readResponseError } from "../response-error.ts";
import { headerValues } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";
import type { HostRequest } from "./host-request.ts";

export interface RefusingHost {
  readonly registry: string;
  readonly baseUrl: URL;
  readonly authorizer: Authorizer;
  readonly redact: (text: string) => string;
}

const NO_CHALLENGE =
  "The server wants a login and does not say how: check that a registry answers here, not a proxy";

/** The error for a status that the request does not take for an answer; the connection is freed. */
export async function readRefusal(
  request: HostRequest,
  response: HttpResponse,
  { registry, baseUrl, authorizer, redact }: RefusingHost,
): Promise<RegistryResponseError> {
  const hint = await hintFor(request, response, authorizer);
  const http = { ...request, url: response.url, headers: {} };
  const asked = new URL(request.target, baseUrl);
  const isIndirect = !isAnswerTo(asked, response.url);
  const isRedirected = response.url.origin !== asked.origin;
  const about = { page: request.page, isIndirect, isRedirected };
  return await readResponseError(http, response, { registry, hint, redact, ...about });
}

async function hintFor(
  { scopes }: HostRequest,
  { status, headers }: HttpResponse,
  authorizer: Authorizer,
): Promise<string | undefined> {
  if (status === 401 && headerValues(headers, "www-authenticate").length === 0) return NO_CHALLENGE;
  if (status !== 401 && status !== 403) return undefined;
  const isLogin = status === 401 && authorizer.challenge?.scheme === "basic";
  return await authorizer.denialHint(scopes, isLogin ? "login" : "access");
}

/**
 * Whether a server that was redirected to speaks of the same thing: the registry itself, or another one that has it
 * (`/v2/a/manifests/v1` → `/v2/project/a/manifests/v1`), but no storage.
 */
function isAnswerTo(asked: URL, answered: URL): boolean {
  if (asked.origin === answered.origin) return true;
  const tail = /\/(?:manifests|blobs|tags|referrers)\/[^/]+$/.exec(asked.pathname)?.[0];
  return (
    tail !== undefined && /^\/v2\//.test(answered.pathname) && answered.pathname.endsWith(tail)
  );
}
