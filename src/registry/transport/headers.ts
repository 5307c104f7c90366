import { printable } from "../../oci/errors.ts";

/** Header fields of an answer, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** All values of a header, one per field line. */
export function headerValues(headers: ResponseHeaders, name: string): readonly string[] {
  const value = headers[name];
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** The first value of a header. */
export function headerOf(headers: ResponseHeaders, name: string): string | undefined {
  return headerValues(headers, name)[0];
}

/** `Content-Length`, if it is a whole number. */
export function contentLengthOf(headers: ResponseHeaders): number | undefined {
  const text = headerOf(headers, "content-length");
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** More seconds than anybody is to wait (31 years): the time itself, in seconds since 1970, as Docker Hub writes it. */
const FIRST_TIME_S = 1e9;

/**
 * What `Retry-After` asks for, as seconds, as an HTTP date or as seconds since 1970. A time is taken relative to the
 * server's own `Date`, so that a wrong clock on either side does not matter.
 */
export function retryAfterMsOf(headers: ResponseHeaders): number | undefined {
  const text = headerOf(headers, "retry-after")?.trim();
  if (!text) return undefined;
  const isNumber = /^\d+(\.\d+)?$/.test(text);
  if (isNumber && Number(text) < FIRST_TIME_S) return Number(text) * 1000;
  // a date begins with the name of a day; Date.parse alone reads nearly anything
  const date = /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text) : Number.NaN;
  const until = isNumber ? Number(text) * 1000 : date;
  if (Number.isNaN(until)) return undefined;
  const serverNow = Date.parse(headerOf(headers, "date") ?? "");
  return Math.max(0, until - (Number.isNaN(serverNow) ? Date.now() : serverNow));
}

/** Texts of `Warning: 299 - "…"` fields (distribution-spec, "Warnings"), at most 4096 bytes of them. */
export function warningsOf(headers: ResponseHeaders): readonly string[] {
  const text = headerValues(headers, "warning").join(", ").slice(0, 4096);
  return [...text.matchAll(/\b299 [^ "]+ "((?:[^"\\]|\\.)*)"/g)].map(([, quoted = ""]) =>
    printable(quoted.replace(/\\(.)/g, "$1")),
  );
}
