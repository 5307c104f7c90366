/** Characters that are gathered before they are given on. */
const PIECE_LENGTH = 64 * 1024;

/** A value, and the property with a list that stands for the rest of it. */
export interface LinedObject {
  readonly head: Readonly<Record<string, unknown>>;
  readonly list: string;
  readonly items: Iterable<LinedObject | { readonly value: unknown }>;
}

/**
 * A JSON document that can be written and read piece by piece: an object ends with a list, whose items have a line each.
 * Whoever reads JSON can read it as a whole.
 *
 *   {"schemaVersion":1,"contents":[
 *   {"name":"images","layouts":[
 *   {…},
 *   {…}
 *   ]}
 *   ]}
 */
export function* formatJsonLines(object: LinedObject): Generator<string> {
  let piece = "";
  for (const line of linesOf(object, "")) {
    piece += line;
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

function* linesOf({ head, list, items }: LinedObject, end: string): Generator<string> {
  // Without its last bracket
  const text = JSON.stringify({ ...head, [list]: [] });
  yield `${text.slice(0, -2)}\n`;
  let last: LinedObject | { readonly value: unknown } | undefined;
  const lines = (item: typeof last & {}, comma: string) =>
    "value" in item ? [`${JSON.stringify(item.value)}${comma}\n`] : linesOf(item, comma);
  for (const item of items) {
    if (last) yield* lines(last, ",");
    last = item;
  }
  if (last) yield* lines(last, "");
  yield `]}${end}\n`;
}

/** Puts together what `formatJsonLines` has written, or any JSON that is one line. */
export class JsonLinesReader {
  #root: unknown;
  readonly #open: unknown[][] = [];
  #rest: string[] = [];
  #isEnded = false;

  /** Throws `SyntaxError` for what cannot be read. */
  push(text: string): void {
    const lines = text.split("\n");
    const [first = "", ...others] = lines;
    this.#rest.push(first);
    for (const line of others) {
      this.#enter(this.#rest.join(""));
      this.#rest = [line];
    }
  }

  /** The value; throws `SyntaxError` where it is cut off. */
  end(): unknown {
    this.#enter(this.#rest.join(""));
    if (this.#open.length > 0 || !this.#isEnded) throw new SyntaxError("the end is missing");
    return this.#root;
  }

  #enter(line: string): void {
    if (line === "") return;
    if (this.#isEnded) throw new SyntaxError("something follows the end");
    if (line === "]}" || line === "]},") {
      if (this.#open.pop() === undefined) throw new SyntaxError("a list ends that did not begin");
      this.#isEnded = this.#open.length === 0;
      return;
    }
    const isList = line.endsWith("[");
    const text = isList ? `${line}]}` : line.replace(/,$/, "");
    const value: unknown = JSON.parse(text);
    const list = this.#open.at(-1);
    if (list) list.push(value);
    else this.#root = value;
    if (isList) this.#open.push(Object.values(value as object).at(-1) as unknown[]);
    else this.#isEnded = this.#open.length === 0;
  }
}
