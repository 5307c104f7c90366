import type { ResponseHeaders } from "../transport/headers.ts";
import { protocolError } from "./protocol-error.ts";

/** The status and the header fields of an answer (RFC 9112, sections 4 and 5). */
export interface ResponseHead {
  readonly status: number;
  /** Of HTTP/1.x */
  readonly minorVersion: number;
  readonly headers: ResponseHeaders;
}

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: [^\0\n\r]*)?$/;
// obsolete line folding and spaces before the colon are what requests are smuggled with
const FIELD_LINE = /^([!#$%&'*+\-.^_`|~\dA-Za-z]+):[ \t]*([^\0\n\r]*?)[ \t]*$/;

/** Reads the lines of a head, without the empty one at its end. Throws what cannot be trusted to mean one thing only. */
export function parseResponseHead(text: string): ResponseHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, minorVersion, status] = STATUS_LINE.exec(first) ?? [];
  if (minorVersion === undefined || status === undefined) {
    throw protocolError("HPE_INVALID_STATUS", "the answer does not begin with a status of HTTP/1");
  }
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const line of lines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw protocolError("HPE_INVALID_HEADER_TOKEN", "a line of the head is no header");
    }
    const key = name.toLowerCase();
    const before = headers[key];
    if (before === undefined) headers[key] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[key] = [before, value];
  }
  return { status: Number(status), minorVersion: Number(minorVersion), headers };
}
