import { MirrorError } from "../errors.ts";
import type { Caller } from "../server/access.ts";
import type { AnsweredRequest } from "../server/listen.ts";
import type { ServeEvent } from "./serve-event.ts";

/** What there is to tell of a request when it has been answered. */
export function toAnsweredEvents(
  answered: AnsweredRequest,
  { address: client }: Caller,
): readonly ServeEvent[] {
  const { request, response, sentBytes, milliseconds } = answered;
  const { method, path } = request;
  const cut = answered.isTooSlow ? [{ type: "client-cut" as const, method, path, client }] : [];
  const namespace = response.headers["oci-namespace"];
  const failure = answered.failure ?? response.failure;
  return [
    {
      type: "request-answered",
      method,
      path,
      ...(typeof namespace === "string" ? { namespace } : {}),
      status: response.status,
      ...(response.cache === undefined ? {} : { cache: response.cache }),
      bytes: sentBytes,
      milliseconds: Math.round(milliseconds),
      client,
    },
    ...cut,
    ...(failure === undefined || answered.isTooSlow || isOfClient(failure)
      ? []
      : [{ type: "request-failed" as const, method, path, ...describeFailure(failure) }]),
  ];
}

/** The client went away before it had everything. */
function isOfClient(failure: unknown): boolean {
  const codes = ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "EPIPE", "ABORT_ERR"];
  return codes.includes((failure as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** What failed, as events say it. */
export function describeFailure(failure: unknown): {
  readonly code: string;
  readonly message: string;
} {
  if (failure instanceof MirrorError) return { code: failure.code, message: failure.message };
  return { code: "UNKNOWN", message: String(failure) };
}
