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
/** What is not the end of a line to everybody: requests are smuggled with it. */
const STRAY = /\0|\r(?!\n)|[^\r]\n/;
const NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

/** Names of fields as they were written, and in lower case: servers write few different ones. */
const names = new Map<string, string>();
const NAMES_LIMIT = 256;

/** Reads the lines of a head, without the empty one at its end. Throws what cannot be trusted to mean one thing only. */
export function parseResponseHead(text: string): ResponseHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, minorVersion, status] = STATUS_LINE.exec(first) ?? [];
  if (minorVersion === undefined || status === undefined) {
    throw protocolError("HPE_INVALID_STATUS", "the answer does not begin with a status of HTTP/1");
  }
  if (STRAY.test(text)) throw noHeader();
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(":");
    const key = nameOf(line.slice(0, Math.max(0, colon)));
    const value = withoutBlanks(line, colon + 1);
    const before = headers[key];
    if (before === undefined) headers[key] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[key] = [before, value];
  }
  return { status: Number(status), minorVersion: Number(minorVersion), headers };
}

/** A folded line has none, nor has one with a space before the colon. */
function nameOf(written: string): string {
  const known = names.get(written);
  if (known !== undefined) return known;
  if (!NAME.test(written)) throw noHeader();
  const name = written.toLowerCase();
  if (names.size < NAMES_LIMIT) names.set(written, name);
  return name;
}

/** What stands in a line from there, without spaces and tabs around it. */
function withoutBlanks(line: string, start: number): string {
  let [from, to] = [start, line.length];
  while (from < to && isBlank(line, from)) from += 1;
  while (to > from && isBlank(line, to - 1)) to -= 1;
  return line.slice(from, to);
}

function isBlank(line: string, at: number): boolean {
  const code = line.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}

function noHeader(): Error {
  return protocolError("HPE_INVALID_HEADER_TOKEN", "a line of the head is no header");
}
