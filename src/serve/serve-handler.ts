import { ContentLostError } from "../cache/errors.ts";
import { MirrorError } from "../errors.ts";
import { type AccessRules, callerOf, refuseCaller } from "../server/access.ts";
import {
  errorResponse,
  type RegistryHandler,
  type RegistryRequest,
  type RegistryResponse,
} from "../server/message.ts";
import { UpstreamError } from "./errors.ts";

export interface ServeHandlerOptions {
  readonly registry: RegistryHandler;
  /** What people see at `/`, under the host name that they went to. */
  readonly page: (request: RegistryRequest, host: string) => RegistryResponse;
  readonly rulesNow: () => AccessRules;
}

/**
 * What stands before the registry: probes, who may come in, other forms of its address, and answers for what cannot be
 * read. The rules are asked for at each request: they may be read again.
 */
export function createServeHandler({
  page,
  registry,
  rulesNow,
}: ServeHandlerOptions): RegistryHandler {
  return async (request) => {
    if (PROBES.has(request.path)) return healthy();
    const rules = rulesNow();
    const caller = callerOf(request, rules);
    const refusal = await refuseCaller(request, caller, rules);
    if (refusal) return refusal;
    if (request.path === "/" && ["GET", "HEAD"].includes(request.method)) {
      return page(request, caller.host);
    }
    const headers = { ...request.headers, host: caller.host };
    try {
      return await registry(withNamespace({ ...request, headers }));
    } catch (error) {
      if (error instanceof UpstreamError) return upstreamFailed(error);
      if (error instanceof MirrorError) return contentFailed(error);
      throw error;
    }
  };
}

const PROBES: ReadonlySet<string> = new Set(["/livez", "/readyz"]);

/** Where it lies is for the log, not for whoever asks. */
function contentFailed(failure: MirrorError): RegistryResponse {
  if (failure instanceof ContentLostError) {
    // Clients push what is said not to be there
    const message = "content that was pushed is lost";
    return { ...errorResponse(404, { code: "BLOB_UNKNOWN", message }), failure };
  }
  if (failure.code === "SPACE_EXHAUSTED") {
    const message = "there is no room for it here";
    return { ...errorResponse(507, { code: "UNAVAILABLE", message }), failure };
  }
  const response = errorResponse(500, { code: "UNKNOWN", message: "content cannot be read" });
  return { ...response, failure };
}

function upstreamFailed(error: UpstreamError): RegistryResponse {
  const { code, repository, retryAfterMs } = error;
  const detail = { repository };
  if (code === "REGISTRY_NOT_FOUND") {
    const message = "the upstream does not have it";
    return errorResponse(404, { code: "BLOB_UNKNOWN", message, detail });
  }
  if (code === "TAG_LIST_UNSUPPORTED") {
    const message = "the upstream gives no list of tags";
    return { ...errorResponse(405, { code: "UNSUPPORTED", message, detail }), failure: error };
  }
  if (code === "REGISTRY_DENIED") {
    // Not 401: the client would be asked for a login that is of no use here
    const message = "the upstream denies access to it, or does not have it";
    return { ...errorResponse(403, { code: "DENIED", message, detail }), failure: error };
  }
  const isLimited = code === "REGISTRY_LIMITED";
  const response = isLimited
    ? errorResponse(
        429,
        { code: "TOOMANYREQUESTS", message: "the upstream limits the rate of requests", detail },
        retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) },
      )
    : errorResponse(502, { code: "UNAVAILABLE", message: "the upstream cannot be asked", detail });
  return { ...response, failure: error };
}

function healthy(): RegistryResponse {
  const body = Buffer.from("ok\n");
  const headers = { "content-type": "text/plain", "content-length": String(body.length) };
  return { status: 200, headers, body };
}

/** `/docker.io/v2/library/x/…` → `/v2/library/x/…?ns=docker.io`: clients append `/v2` to the address of a mirror. */
function withNamespace(request: RegistryRequest): RegistryRequest {
  const [, namespace, path] = /^\/([^/]+)(\/v2(?:\/.*)?)$/.exec(request.path) ?? [];
  if (namespace === undefined || path === undefined || namespace === "v2") return request;
  const query = new URLSearchParams(request.query);
  query.set("ns", namespace);
  return { ...request, path, query };
}
