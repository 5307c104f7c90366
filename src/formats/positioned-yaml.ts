import type { Document, LineCounter, Node, Pair, YAMLError } from "yaml";

/** Where something stands in a text; both count from 1. */
export interface YamlPosition {
  readonly line: number;
  readonly column: number;
}

/** A document with the places of what it says. */
export interface PositionedDocument {
  readonly value: unknown;
  /** Where a key stands, or an item of a list; undefined for what came by `<<`. */
  readonly positionOf: (path: readonly (string | number)[]) => YamlPosition | undefined;
}

/** What is wrong with a text, in words of ours: the text may hold a secret. */
export class YamlError extends Error {
  readonly position: YamlPosition | undefined;

  constructor(reason: string, position: YamlPosition | undefined) {
    super(reason);
    this.name = "YamlError";
    this.position = position;
  }
}

/** Each use of an anchor with uses of others below it counts them too (`maxAliasCount` of yaml). */
const ALIAS_LIMIT = 100;
const TEXT_LIMIT = 1024 * 1024;
const DEPTH_LIMIT = 64;

/** YAML 1.2, of which JSON is a part: one document, each key once, aliases within limits. Throws `YamlError`. */
export async function parsePositionedYaml(text: string): Promise<PositionedDocument> {
  if (text.length > TEXT_LIMIT) {
    throw new YamlError(`it is longer than ${TEXT_LIMIT} characters`, undefined);
  }
  const depth = depthOf(text);
  if (depth > DEPTH_LIMIT) throw new YamlError("it is nested too deeply", undefined);
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, merge: true, version: "1.2" } as const;
  const document = parseWithin(() => yaml.parseDocument(text, options));
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw new YamlError(reasonOf(fault), at(lines, fault.pos[0]));
  yaml.visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const place = alias.range ? at(lines, alias.range[0]) : undefined;
      throw new YamlError("an alias names no anchor", place);
    },
  });
  return {
    value: toValue(document),
    positionOf: (path) => findPosition(document, path, { lines, yaml }),
  };
}

/** The parser calls itself for each level. */
function parseWithin(parse: () => Document): Document {
  try {
    return parse();
  } catch {
    throw new YamlError("it cannot be read", undefined);
  }
}

function toValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIAS_LIMIT });
  } catch {
    throw new YamlError("its aliases multiply beyond all measure", undefined);
  }
}

/** Brackets nest by themselves, blocks by what they are indented. */
function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (const letter of text) {
    if (letter === "[" || letter === "{") deepest = Math.max(deepest, ++depth);
    else if (letter === "]" || letter === "}") depth = Math.max(0, depth - 1);
  }
  const dashes = [...text.matchAll(/^ *((?:[-?:] +)+)/gm)].map(([, marks = ""]) => marks.length);
  return dashes.reduce((most, length) => Math.max(most, length / 2), deepest);
}

const REASONS: Readonly<Record<string, string>> = {
  BAD_ALIAS: "an anchor or an alias has no name",
  BAD_INDENT: "a line is indented wrongly",
  BLOCK_AS_IMPLICIT_KEY: "a key is missing, or a line is indented wrongly",
  DUPLICATE_KEY: "a key is there twice",
  MISSING_CHAR: "a colon, a comma, a quote or a bracket is missing",
  MULTILINE_IMPLICIT_KEY: "a colon is missing, or a text is not quoted",
  MULTIPLE_DOCS: "it has more than one document",
  TAB_AS_INDENT: "a line is indented by a tab",
  TAG_RESOLVE_FAILED: "it has a tag (!) that is not known",
};

function reasonOf({ code }: YAMLError): string {
  return REASONS[code] ?? "it is neither YAML nor JSON";
}

function at(lines: LineCounter, offset: number): YamlPosition {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

interface Finding {
  readonly lines: LineCounter;
  readonly yaml: typeof import("yaml");
}

function findPosition(
  document: Document,
  path: readonly (string | number)[],
  { lines, yaml }: Finding,
): YamlPosition | undefined {
  const { isAlias, isMap, isScalar, isSeq } = yaml;
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(
        ({ key }) => isScalar(key) && String(key.value) === String(step),
      );
      if (pair === undefined) return undefined;
      offset = (pair.key as Node).range?.[0];
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as Node | undefined)?.range?.[0];
    } else return undefined;
  }
  return offset === undefined ? undefined : at(lines, offset);
}
