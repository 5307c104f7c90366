import type { TextFormats } from "../formats/text-formats.ts";
import type { MergedText } from "./install-record.ts";

/**
 * What others have made of a file that we had added to, without what we had added: `current` minus (`written` minus
 * `original`). Undefined if nothing is left. Throws the parser's error.
 */
export function takeOut(
  current: string,
  { format, text: written }: MergedText,
  { original, formats }: { readonly original: string | undefined; readonly formats: TextFormats },
): string | undefined {
  const { parse, stringify } = formats[format];
  const left = without(parse(current), parse(written), original && parse(original));
  return left === undefined || isEmptyTable(left) ? undefined : stringify(left);
}

/** Undefined: the value was ours. */
function without(current: unknown, written: unknown, original: unknown): unknown {
  if (Array.isArray(current) && Array.isArray(written)) {
    const before = keysOf(original);
    const added = new Set([...keysOf(written)].filter((key) => !before.has(key)));
    const left = current.filter((item) => !added.has(JSON.stringify(item)));
    return left.length === 0 && original === undefined ? undefined : left;
  }
  if (isTable(current) && isTable(written)) {
    const table = isTable(original) ? original : {};
    const entries = Object.entries(current).flatMap(([key, value]) => {
      const left = key in written ? without(value, written[key], table[key]) : value;
      return left === undefined ? [] : [[key, left] as const];
    });
    return entries.length === 0 && original === undefined ? undefined : Object.fromEntries(entries);
  }
  return JSON.stringify(current) === JSON.stringify(written) ? original : current;
}

function keysOf(list: unknown): ReadonlySet<string> {
  return new Set(Array.isArray(list) ? list.map((item) => JSON.stringify(item)) : []);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmptyTable(value: unknown): boolean {
  return isTable(value) && Object.keys(value).length === 0;
}
