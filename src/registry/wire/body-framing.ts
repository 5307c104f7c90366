import { headerValues } from "../transport/headers.ts";
import { protocolError } from "./protocol-error.ts";
import type { ResponseHead } from "./response-head.ts";

/** How the end of a body shows (RFC 9112, section 6.3). */
export type BodyFraming =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** It ends with the connection. */
  | { readonly kind: "close" };

/** Throws where two readers could disagree on where the body ends. */
export function framingOf({ status, headers }: ResponseHead, method: string): BodyFraming {
  if (method === "HEAD" || status === 204 || status === 304) return { kind: "length", bytes: 0 };
  const codings = headerValues(headers, "transfer-encoding");
  const lengths = headerValues(headers, "content-length");
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0]?.toLowerCase() !== "chunked") {
      throw protocolError("HPE_INVALID_TRANSFER_ENCODING", "the body is encoded in an unknown way");
    }
    if (lengths.length > 0) {
      throw protocolError("HPE_UNEXPECTED_CONTENT_LENGTH", "the body has a length and chunks");
    }
    return { kind: "chunked" };
  }
  const [length] = lengths;
  if (length === undefined) return { kind: "close" };
  if (lengths.some((other) => other !== length) || !/^\d{1,15}$/.test(length)) {
    throw protocolError("HPE_INVALID_CONTENT_LENGTH", "the length of the body is no number");
  }
  return { kind: "length", bytes: Number(length) };
}

/** How long the connection may be kept for the next request, in milliseconds; 0: not at all. */
export function keepMsOf(
  { headers, minorVersion }: ResponseHead,
  { kind }: BodyFraming,
  mostMs: number,
): number {
  const options = headerValues(headers, "connection").join(",").toLowerCase();
  const isKept = minorVersion === 1 ? !/\bclose\b/.test(options) : /\bkeep-alive\b/.test(options);
  if (!isKept || kind === "close") return 0;
  const [, seconds] = /timeout=(\d{1,6})/.exec(headerValues(headers, "keep-alive").join(",")) ?? [];
  // the server counts from when it has sent the answer
  return seconds === undefined ? mostMs : Math.min(mostMs, Math.max(0, Number(seconds) - 1) * 1000);
}
