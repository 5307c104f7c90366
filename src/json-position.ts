/** Where a text is to be looked at; both count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/**
 * Where a text stops being JSON; undefined if it is JSON. The message of `JSON.parse` quotes what stands there, which must
 * not be shown of a file that may hold a secret.
 * @internal
 */
export function findJsonError(text: string): TextPosition | undefined {
  const scan: Scan = { text, offset: 0 };
  if (readValue(scan, 0) && readSpace(scan) && scan.offset === text.length) return undefined;
  const before = text.slice(0, scan.offset).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** `line 3, column 5`, or nothing for a text that is JSON. */
export function formatJsonError(text: string): string {
  const position = findJsonError(text);
  return position === undefined ? "" : ` (line ${position.line}, column ${position.column})`;
}

/** The offset stays at what cannot be read. */
interface Scan {
  readonly text: string;
  offset: number;
}

const DEPTH_LIMIT = 1000;
const SPACE = /[ \t\n\r]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const CHARACTERS = /(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;

function readValue(scan: Scan, depth: number): boolean {
  readSpace(scan);
  if (depth > DEPTH_LIMIT) return false;
  switch (scan.text[scan.offset]) {
    case "{":
      return readList(scan, "}", () => readMember(scan, depth));
    case "[":
      return readList(scan, "]", () => readValue(scan, depth + 1));
    case '"':
      return readString(scan);
    default:
      return take(scan, SCALAR) !== "";
  }
}

function readList(scan: Scan, end: string, readItem: () => boolean): boolean {
  scan.offset += 1;
  readSpace(scan);
  if (readMark(scan, end)) return true;
  for (;;) {
    if (!readItem()) return false;
    readSpace(scan);
    if (readMark(scan, end)) return true;
    if (!readMark(scan, ",")) return false;
  }
}

function readMember(scan: Scan, depth: number): boolean {
  readSpace(scan);
  if (scan.text[scan.offset] !== '"' || !readString(scan)) return false;
  readSpace(scan);
  return readMark(scan, ":") && readValue(scan, depth + 1);
}

function readString(scan: Scan): boolean {
  scan.offset += 1;
  take(scan, CHARACTERS);
  return readMark(scan, '"');
}

function readMark(scan: Scan, mark: string): boolean {
  if (scan.text[scan.offset] !== mark) return false;
  scan.offset += 1;
  return true;
}

function readSpace(scan: Scan): boolean {
  take(scan, SPACE);
  return true;
}

function take(scan: Scan, pattern: RegExp): string {
  pattern.lastIndex = scan.offset;
  const found = pattern.exec(scan.text)?.[0] ?? "";
  scan.offset += found.length;
  return found;
}
