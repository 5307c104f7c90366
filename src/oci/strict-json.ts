import { ContentInvalidError } from "./errors.ts";

/** Made once: to make one takes longer than to decode a manifest. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Deepest nesting that is read: documents of this field have less than ten levels. */
const DEPTH_LIMIT = 64;

/** Fields whose value is a map of the user's own keys: these may differ in case, as they do for other readers. */
const MAP_FIELDS: ReadonlySet<string> = new Set(["annotations"]);

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
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new ContentInvalidError(subject, "it is not UTF-8", { cause });
  }
}

/** An object or array that the scan is in. */
interface Container {
  readonly keys: Set<string>;
  readonly isMap: boolean;
  lastKey: string;
}

/**
 * The text is valid JSON here, so a scan of its tokens is enough: a string followed by a colon is a key. No regular
 * expression spans a string, because one of several megabytes overflows the stack of the engine.
 */
function refuseAmbiguousKeys(text: string, subject: string): void {
  const token = /["{}[\]]/g;
  const open: Container[] = [];
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const container = open.at(-1);
    if (match[0] === '"') {
      const end = endOfString(text, match.index);
      token.lastIndex = end;
      if (container && isKey(text, end)) addKey(container, text.slice(match.index, end), subject);
    } else if (match[0] === "}" || match[0] === "]") {
      open.pop();
    } else {
      open.push(createContainer(container));
      if (open.length > DEPTH_LIMIT) {
        throw new ContentInvalidError(subject, "it is nested too deeply");
      }
    }
  }
}

function createContainer(parent: Container | undefined): Container {
  return { keys: new Set(), isMap: MAP_FIELDS.has(parent?.lastKey ?? ""), lastKey: "" };
}

/** Position behind the closing quote: the first one with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text[before] === "\\") before -= 1;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
}

function isKey(text: string, end: number): boolean {
  let next = end;
  while (" \t\n\r".includes(text[next] ?? ":")) next += 1;
  return text[next] === ":";
}

function addKey(container: Container, quoted: string, subject: string): void {
  const key = quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  const compared = container.isMap ? key : foldCase(key);
  if (container.keys.has(compared)) {
    throw new ContentInvalidError(subject, `key "${key}" is given twice`);
  }
  container.keys.add(compared);
  container.lastKey = key;
}

/** As Go compares the keys of JSON: `ſ` is `s`, and the Kelvin sign is `k`. */
function foldCase(key: string): string {
  return key.toUpperCase().toLowerCase();
}
