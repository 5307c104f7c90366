import { emptyResponse, errorResponse } from "../../../src/server/message.ts";
import { type Break, breakConnection } from "./connection.ts";
import {
  countdown,
  type FaultMaker,
  kindOf,
  type RequestKind,
  repositoryOf,
  withHeaders,
} from "./fault.ts";

export interface RefusalOptions {
  /** How many requests are refused. */
  readonly times: number;
  /** How many requests pass before that; default 0. */
  readonly after?: number;
  /** `Retry-After`: a number of seconds from now, written as such or as a date; default: no header. */
  readonly retryAfter?: { readonly seconds: number; readonly as?: "seconds" | "date" };
  /** Default: all. */
  readonly of?: RequestKind;
}

/** 429 to some requests; `denied`: 403, as of a firewall. */
export const tooManyRequests: FaultMaker<RefusalOptions & { readonly as?: "denied" }> = (
  { as, ...options },
  context,
) =>
  refuse(
    options,
    context,
    as === "denied" ? { status: 403, code: "DENIED" } : { status: 429, code: "TOOMANYREQUESTS" },
  );

/** 503 to some requests. */
export const unavailable: FaultMaker<RefusalOptions> = (options, context) =>
  refuse(options, context, { status: 503, code: "UNAVAILABLE" });

/** Breaks the connections of some requests before they are looked at. */
export const refuseConnection: FaultMaker<{
  readonly times: number;
  readonly how: Break;
  readonly of?: RequestKind;
}> = ({ how, of, times }) => {
  const isDue = countdown(times);
  return async (request, next) => {
    if ((of !== undefined && kindOf(request) !== of) || !isDue()) return next(request);
    await breakConnection(request.socket, how);
    return emptyResponse(500);
  };
};

/** 403 for repositories that match. */
export const denied: FaultMaker<RegExp> = (pattern) => async (request, next) =>
  pattern.test(repositoryOf(request))
    ? errorResponse(403, { code: "DENIED", message: "access to this repository is denied" })
    : next(request);

/** Repeats the credentials of a request: in an error for requests of that kind, in a warning for all others. */
export const echo: FaultMaker<RequestKind> = (kind) => async (request, next) => {
  const { authorization = "" } = request.headers;
  if (authorization === "") return next(request);
  const [scheme, value = ""] = authorization.split(" ");
  const plain = scheme === "Basic" ? Buffer.from(value, "base64").toString("utf8") : value;
  const message = `cannot use "${authorization}", that is ${plain}`;
  if (kindOf(request) === kind) return errorResponse(403, { code: "DENIED", message });
  const warning = `299 - "${message.replaceAll('"', "")}"`;
  return withHeaders(await next(request), { warning });
};

/** Like Harbor: sets a session cookie, and refuses everybody who sends it back without a CSRF token. */
export const cookie: FaultMaker<"poison"> = () => async (request, next) => {
  if (request.headers.cookie !== undefined) {
    return errorResponse(403, { code: "DENIED", message: "CSRF token is missing" });
  }
  return withHeaders(await next(request), { "set-cookie": "sid=1; Path=/; HttpOnly" });
};

function refuse(
  { after = 0, of, retryAfter, times }: RefusalOptions,
  { now }: Parameters<FaultMaker<RefusalOptions>>[1],
  { code, status }: { readonly status: number; readonly code: string },
): ReturnType<FaultMaker<RefusalOptions>> {
  const passes = countdown(after);
  const isDue = countdown(times);
  return async (request, next) => {
    if ((of !== undefined && kindOf(request) !== of) || passes() || !isDue()) return next(request);
    const headers =
      retryAfter === undefined ? {} : { "retry-after": formatRetryAfter(retryAfter, now()) };
    return errorResponse(status, { code, message: "not now" }, headers);
  };
}

function formatRetryAfter(
  { as = "seconds", seconds }: NonNullable<RefusalOptions["retryAfter"]>,
  now: number,
): string {
  return as === "date" ? new Date(now + seconds * 1000).toUTCString() : String(seconds);
}
