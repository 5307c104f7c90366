import { compareTexts } from "../../compare-texts.ts";

/** Levels of a value that are gone into piece by piece: as deep as the images of a bundle lie in its `bundle.json`. */
const PIECED_LEVELS = 6;
/** Characters that are gathered before they are given on. */
const PIECE_LENGTH = 64 * 1024;

/** JSON with sorted keys, two spaces and a final line break: equal values have equal bytes. */
export function formatCanonicalJson(value: unknown): string {
  return `${JSON.stringify(value, sortKeys, 2)}\n`;
}

/** The same piece by piece: the text of a large bundle is never whole in memory. */
export function* formatCanonicalPieces(value: unknown): Generator<string> {
  let piece = "";
  for (const part of partsOf(value, 0)) {
    piece += part;
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}\n`;
}

function* partsOf(value: unknown, level: number): Generator<string> {
  const margin = "  ".repeat(level);
  const items = level < PIECED_LEVELS ? itemsOf(value) : [];
  if (items.length === 0) {
    // A line break in a text is written as two characters: all that are there are between tokens
    yield JSON.stringify(value, sortKeys, 2).replaceAll("\n", `\n${margin}`);
    return;
  }
  const isList = Array.isArray(value);
  yield isList ? "[" : "{";
  for (const [position, [key, item]] of items.entries()) {
    const name = isList ? "" : `${JSON.stringify(key)}: `;
    yield `${position > 0 ? "," : ""}\n${margin}  ${name}`;
    yield* partsOf(item, level + 1);
  }
  yield `\n${margin}${isList ? "]" : "}"}`;
}

/** What JSON has of a list or an object, in order. */
function itemsOf(value: unknown): (readonly [string, unknown])[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.map((item) => ["", item === undefined ? null : item]);
  return sortedEntries(value).filter(([, item]) => item !== undefined);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(sortedEntries(value));
}

function sortedEntries(value: object): [string, unknown][] {
  return Object.entries(value).sort(([left], [right]) => compareTexts(left, right));
}
