import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { parseByteRange } from "../../../src/server/byte-range.ts";
import {
  emptyResponse,
  errorResponse,
  type RegistryMiddleware,
  type RegistryRequest,
} from "../../../src/server/message.ts";
import { MARKER } from "../secrets.ts";
import { type Break, breakResponse } from "./connection.ts";
import { countdown, type FaultMaker, kindOf, type RequestKind, withHeaders } from "./fault.ts";

/** Answers to HEAD that are wrong or that lack something. */
export const head: FaultMaker<{
  readonly answer: 401 | 404 | 405 | 500 | "no-length" | "no-digest";
  /** Default: both. */
  readonly of?: "blob" | "manifest";
}> =
  ({ answer, of }) =>
  async (request, next) => {
    const kind = kindOf(request);
    const isMeant = of === undefined ? kind === "blob" || kind === "manifest" : kind === of;
    if (request.method !== "HEAD" || !isMeant) return next(request);
    if (typeof answer === "number") return emptyResponse(answer);
    const missing = answer === "no-length" ? "content-length" : "docker-content-digest";
    return withHeaders(await next(request), { [missing]: undefined });
  };

/** The digest header of manifests: missing, or that of something else. */
export const contentDigest: FaultMaker<"absent" | "wrong"> = (style) => async (request, next) => {
  const response = await next(request);
  if (kindOf(request) !== "manifest") return response;
  const wrong = `sha256:${"0".repeat(64)}`;
  return withHeaders(response, { "docker-content-digest": style === "wrong" ? wrong : undefined });
};

export type RangeFault =
  /** 200 with everything. */
  | "ignored"
  /** 206 whose Content-Range says that it starts at 0, and it does. */
  | "from-zero"
  /** 206 whose Content-Range is as asked, and whose bytes start at 0. */
  | "wrong-bytes"
  /** 206 without Content-Range. */
  | "no-header"
  /** Ranges without an end are refused with 416. */
  | "open-refused"
  /** Every range is refused with 416. */
  | "refused"
  /** Like distribution 2.8: a 416 with the Content-Length of the blob, whose body never gets there. */
  | "wrong-length-of-416";

export const range: FaultMaker<RangeFault> = (fault) => {
  const answers: Readonly<Record<RangeFault, RegistryMiddleware>> = {
    ignored: (request, next) => next(withRange(request, undefined)),
    "from-zero": (request, next) => next(withRange(request, shifted(request))),
    "wrong-bytes": async (request, next) => {
      const wanted = await next(withRange({ ...request, method: "HEAD" }, request.headers.range));
      const response = await next(withRange(request, shifted(request)));
      return withHeaders(response, { "content-range": wanted.headers["content-range"] });
    },
    "no-header": async (request, next) =>
      withHeaders(await next(request), { "content-range": undefined }),
    "open-refused": async (request, next) =>
      /-\d+$/.test(request.headers.range ?? "") ? next(request) : rangeRefused(),
    refused: async () => rangeRefused(),
    "wrong-length-of-416": async (request, next) => {
      const response = await next(request);
      if (response.status !== 416) return response;
      const size = String(response.headers["content-range"]).replace("bytes */", "");
      const short = withHeaders(response, { "content-length": size });
      return breakResponse(
        { ...short, body: Buffer.from("requested range is not satisfiable") },
        request,
        { afterBytes: 33, how: "stall" },
      );
    },
  };
  return (request, next) =>
    kindOf(request) === "blob" && request.headers.range !== undefined
      ? answers[fault](request, next)
      : next(request);
};

/** Breaks connections of downloads after so many bytes of a body. */
export const drop: FaultMaker<{
  readonly afterBytes: number;
  readonly how: Break;
  /** Default `blob`. */
  readonly of?: RequestKind;
  /** Default: always. */
  readonly times?: number;
}> = ({ afterBytes, how, of = "blob", times }) => {
  const isDue = countdown(times);
  return async (request, next) => {
    const response = await next(request);
    const length = Number(response.headers["content-length"] ?? Number.POSITIVE_INFINITY);
    const isMeant = request.method === "GET" && kindOf(request) === of && length > afterBytes;
    return isMeant && isDue() ? breakResponse(response, request, { afterBytes, how }) : response;
  };
};

/** Like a careless proxy: content is compressed on the way for everybody who accepts that. */
export const gzip: FaultMaker<"if-accepted" | "always"> = (when) => async (request, next) => {
  const response = await next(request);
  const isAccepted =
    when === "always" || /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  if (!isAccepted || response.body === undefined || response.status !== 200) return response;
  const plain = Buffer.isBuffer(response.body) ? Readable.from([response.body]) : response.body;
  return {
    ...withHeaders(response, { "content-length": undefined, "content-encoding": "gzip" }),
    body: plain.compose(createGzip()),
  };
};

const SIGNATURE = "X-Amz-Signature";

/**
 * Sends readers of blobs to signed URLs of the second origin; `reuse: 403` lets each URL work once, `expired` none, or
 * none of so many first ones. What refuses them says which one it was.
 */
export const redirect: FaultMaker<{
  readonly status?: 301 | 302 | 303 | 307 | 308;
  readonly reuse?: 403;
  readonly expired?: true | number;
}> = ({ expired, reuse, status = 307 }, { otherHost }) => {
  let signatures = 0;
  const isExpired = countdown(expired === true ? undefined : (expired ?? 0));
  return async (request, next) => {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (kindOf(request) !== "blob" || !isRead) return next(request);
    const query = new URLSearchParams({ [SIGNATURE]: `${MARKER}-${++signatures}` });
    if (reuse) query.set("once", "true");
    if (isExpired()) query.set("expired", "true");
    return emptyResponse(status, { location: `http://${otherHost()}${request.path}?${query}` });
  };
};

/** The second origin's side of `redirect`: knows signed URLs, and refuses credentials as S3 does. */
export function createSignedOrigin(): RegistryMiddleware {
  const used = new Set<string>();
  return async (request, next) => {
    if (kindOf(request) !== "blob") return next(request);
    if (request.headers.authorization !== undefined) {
      return errorResponse(400, { code: "DENIED", message: "two ways to authenticate" });
    }
    const signature = request.query.get(SIGNATURE);
    const isReused = request.query.has("once") && used.has(String(signature));
    if (signature === null || isReused || request.query.has("expired")) {
      const message = `the URL ${request.path}?${request.query} has expired`;
      return errorResponse(403, { code: "DENIED", message });
    }
    used.add(signature);
    return next(request);
  };
}

function withRange(request: RegistryRequest, value: string | undefined): RegistryRequest {
  const { range: _, ...headers } = request.headers;
  return { ...request, headers: value === undefined ? headers : { ...headers, range: value } };
}

/** A range as long as the one that is asked for, at the start of the blob. */
function shifted({ headers }: RegistryRequest): string {
  const wanted = parseByteRange(headers.range, Number.MAX_SAFE_INTEGER);
  if (typeof wanted === "string") return "bytes=0-0";
  return `bytes=0-${wanted.end - wanted.start - 1}`;
}

function rangeRefused() {
  return errorResponse(416, { code: "RANGE_INVALID", message: "range is not supported" });
}
