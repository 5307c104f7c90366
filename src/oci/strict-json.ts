import { ContentInvalidError } from "./errors.ts";

/** Deepest nesting that is read: documents of this field have less than ten levels. */
const DEPTH_LIMIT = 64;

/**
 * Parses JSON and refuses what different readers would understand differently: keys given twice in one object, also
 * when they differ only in case, bytes that are not UTF-8, a byte order mark. Throws `CONTENT_INVALID`.
 */
export function parseStrictJson(bytes: Uint8Array, subject: string): unknown {
  const text = decode(bytes, subject);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ContentInvalidError(subject, "it is not JSON", { cause });
  }
  refuseAmbiguousKeys(text, subject);
  return value;
}

function decode(bytes: Uint8Array, subject: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ContentInvalidError(subject, "it is not UTF-8", { cause });
  }
}

/** The text is valid JSON here, so a scan of its tokens is enough: a string followed by a colon is a key. */
function refuseAmbiguousKeys(text: string, subject: string): void {
  const open: Set<string>[] = [];
  for (const match of text.matchAll(/("(?:[^"\\]|\\.)*")\s*(:)?|[{}[\]]/g)) {
    const [token, string, colon] = match;
    if (colon !== undefined && string !== undefined) {
      const key = (JSON.parse(string) as string).toLowerCase();
      const keys = open.at(-1);
      if (keys?.has(key)) throw new ContentInvalidError(subject, `key "${key}" is given twice`);
      keys?.add(key);
    } else if (token === "{" || token === "[") {
      open.push(new Set());
      if (open.length > DEPTH_LIMIT)
        throw new ContentInvalidError(subject, "it is nested too deeply");
    } else if (token === "}" || token === "]") {
      open.pop();
    }
  }
}
