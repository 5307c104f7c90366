import { headerValues, type ResponseHeaders } from "../transport/headers.ts";

/** `<target>` and its parameters, up to the comma before the next one (RFC 8288 §3). */
const LINK =
  /\s*<([^<>\s]+)>((?:\s*;\s*[\w!#$&+.^`|~*-]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s";,]+))?)*)\s*(?:,|$)/y;
const RELATION = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]+))/i;

/**
 * Target of the `Link` to the next page, as text; a link that does not say what it leads to leads there. Throws a plain
 * `Error` with the header if it cannot be read: a list must not end early.
 */
export function nextLinkOf(headers: ResponseHeaders): string | undefined {
  const text = headerValues(headers, "link").join(", ");
  LINK.lastIndex = 0;
  let next: string | undefined;
  while (LINK.lastIndex < text.length) {
    const [, target, parameters = ""] = LINK.exec(text) ?? [];
    if (target === undefined) throw new Error(`its Link "${text}" cannot be read`);
    const [, quoted, plain] = RELATION.exec(parameters) ?? [];
    const relations = (quoted ?? plain ?? "next").toLowerCase().split(/\s+/);
    if (relations.includes("next")) next ??= target;
  }
  return next;
}
