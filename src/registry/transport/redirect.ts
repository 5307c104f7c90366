import { RegistryResponseError } from "../errors.ts";
import type { NetworkReach } from "./connect/address.ts";
import { isInward, refusedReaches } from "./connect/inward.ts";
import { headerOf } from "./headers.ts";
import type { HttpRequest, HttpResponse, SendRequest } from "./http.ts";
import { resolveOwnUrl } from "./own-url.ts";

export interface RedirectOptions {
  readonly registry: string;
  readonly reachOfHost: (hostname: string) => NetworkReach | undefined;
}

const HOP_LIMIT = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Never sent to another origin than the one they were meant for. */
const ORIGIN_BOUND = ["authorization", "cookie", "proxy-authorization"];

/**
 * Sends a request and follows redirects. Credentials stay with their origin, https is never left (`http` at the
 * own name is what a proxy hides), other methods
 * than GET and HEAD follow only 307 and 308, which repeat the body.
 */
export async function sendFollowing(
  send: SendRequest,
  request: HttpRequest,
  options: RedirectOptions,
): Promise<HttpResponse> {
  let current = request;
  for (let hops = 0; ; hops += 1) {
    const response = await send(current);
    const location = headerOf(response.headers, "location");
    if (!REDIRECTS.has(response.status) || location === undefined) return response;
    if (!mayFollow(current.method, response.status)) return response;
    if (!isWanted(current, location)) return response;
    await response.discard();
    const refuse = (objection: string) =>
      refusal(current, response.status, { objection, ...options });
    if (hops === HOP_LIMIT) throw refuse(`more than ${HOP_LIMIT} redirects`);
    current = planRedirect(current, { location, refuse, ...options });
  }
}

function mayFollow(method: string, status: number): boolean {
  return method === "GET" || method === "HEAD" || status === 307 || status === 308;
}

function isWanted({ mayLeadTo, url }: HttpRequest, location: string): boolean {
  if (mayLeadTo === undefined || !URL.canParse(location, url.href)) return true;
  return mayLeadTo(new URL(location, url));
}

interface Hop extends RedirectOptions {
  readonly location: string;
  readonly refuse: (objection: string) => Error;
}

function planRedirect(
  request: HttpRequest,
  { location, refuse, reachOfHost, registry }: Hop,
): HttpRequest {
  const url = resolveOwnUrl(location, request.url);
  if (url === undefined) {
    throw refuse("a redirect to something that is not a web address");
  }
  if (request.url.protocol === "https:" && url.protocol === "http:") {
    throw refuse(`a redirect from HTTPS to plain HTTP on "${url.host}"`);
  }
  if (url.origin === request.url.origin) return { ...request, url };
  if (isInward(request.url, url, reachOfHost)) {
    throw refuse(`a redirect into an inner network, to "${url.host}"`);
  }
  const headers = Object.entries(request.headers).filter(
    ([name]) => !ORIGIN_BOUND.includes(name.toLowerCase()),
  );
  const isOwnHost = request.url.hostname === url.hostname;
  return {
    ...request,
    url,
    headers: Object.fromEntries(headers),
    namedBy: `a redirect of registry "${registry}"`,
    refuses: isOwnHost ? [] : refusedReaches(request.url, reachOfHost),
  };
}

function refusal(
  { method, url }: HttpRequest,
  status: number,
  { objection, registry }: RedirectOptions & { readonly objection: string },
): RegistryResponseError {
  return new RegistryResponseError({ registry, method, url, status, objection });
}
