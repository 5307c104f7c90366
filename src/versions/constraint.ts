import { Range, type SemVer } from "semver";
import { parseVersion } from "./tag-version.ts";

/**
 * A range of versions in the dialect of Masterminds/semver: space or comma is "and", `||` is "or", a pre-release is
 * considered only where a comparator of the same alternative names one. `formatConstraint` writes it in one spelling
 * that `parseConstraint` reads back.
 */
export interface Constraint {
  readonly alternatives: readonly Alternative[];
}

interface Alternative {
  readonly text: string;
  readonly range: Range;
  readonly excluded: readonly Range[];
  /** Versions written behind `>=` and `<=`. */
  readonly anchors: readonly SemVer[];
  /** Every version that is written. */
  readonly literals: readonly SemVer[];
}

interface Comparator {
  readonly operator: string;
  /** Normalised: no `v`, no leading zeros, parts up to the first wildcard; `*` if there are none. */
  readonly version: string;
  readonly isPartial: boolean;
}

const OPERATOR = "!=|=>|>=|=<|<=|~>|>|<|=|~|\\^|";
const VERSION =
  "v?(\\d+|[xX*])(?:\\.(\\d+|[xX*]))?(?:\\.(\\d+|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?";
const COMPARATOR = new RegExp(`\\s*(${OPERATOR})\\s*${VERSION}(?=$|[\\s<>=!~^])`, "y");
const HYPHEN = /(^|\s)([^\s<>=!~^]+)\s+-\s+([^\s<>=!~^]+)(?=\s|$)/g;

const SYNONYMS: Readonly<Record<string, string>> = { "=>": ">=", "=<": "<=", "~>": "~" };

/** Order of the comparators of one alternative: what opens it, what closes it, what is taken out. */
const OPERATOR_ORDER = ["", "=", "^", "~", ">", ">=", "<", "<=", "!="];

/** Throws `SyntaxError` with the reason as its message. */
export function parseConstraint(text: string): Constraint {
  const alternatives = new Map<string, Alternative>();
  for (const part of text.replaceAll(",", " ").split("||")) {
    const alternative = parseAlternative(part.trim());
    alternatives.set(alternative.text, alternative);
  }
  return {
    alternatives: [...alternatives.values()].sort((left, right) =>
      left.text < right.text ? -1 : 1,
    ),
  };
}

export function formatConstraint({ alternatives }: Constraint): string {
  return alternatives.map(({ text }) => text).join(" || ");
}

export function satisfies({ alternatives }: Constraint, version: SemVer): boolean {
  return alternatives.some(
    ({ range, excluded }) => range.test(version) && !excluded.some((hole) => hole.test(version)),
  );
}

/** Versions that were named with `>=` or `<=`: `--latest-patch` keeps them although they are not the highest patch. */
export function anchorsOf({ alternatives }: Constraint): readonly SemVer[] {
  return alternatives.flatMap(({ anchors }) => anchors);
}

/** The smallest version that is written; undefined where none is (`*`). */
export function lowestLiteralOf({ alternatives }: Constraint): SemVer | undefined {
  const [lowest] = alternatives
    .flatMap(({ literals }) => literals)
    .sort((left, right) => left.compare(right));
  return lowest;
}

/** The sides of `||`, one by one. */
export function splitAlternatives({ alternatives }: Constraint): readonly Constraint[] {
  return alternatives.map((alternative) => ({ alternatives: [alternative] }));
}

function parseAlternative(text: string): Alternative {
  if (text === "") throw new SyntaxError("a side of || or the whole constraint is empty");
  const comparators = withBareAsCaret(
    scanComparators(text.replace(HYPHEN, "$1>=$2 <=$3")),
  ).toSorted(compareComparators);
  const written = [...new Set(comparators.map(formatComparator))];
  const includePrerelease = comparators.some(({ version }) => version.includes("-"));
  const included = written.filter((comparator) => !comparator.startsWith("!="));
  return {
    text: written.join(" "),
    range: createRange(included.join(" ") || "*", includePrerelease),
    excluded: comparators
      .filter(({ operator }) => operator === "!=")
      .map(({ version }) => createRange(version, true)),
    anchors: comparators.flatMap(anchorOf),
    literals: comparators.flatMap(literalOf),
  };
}

function scanComparators(text: string): Comparator[] {
  const comparators: Comparator[] = [];
  let position = 0;
  while (position < text.length) {
    COMPARATOR.lastIndex = position;
    const match = COMPARATOR.exec(text);
    if (match === null) {
      throw new SyntaxError(`"${text.slice(position).trim()}" is not a version or a comparison`);
    }
    comparators.push(createComparator(match));
    position = COMPARATOR.lastIndex;
  }
  return comparators;
}

function createComparator([text, operator = "", ...parts]: RegExpExecArray): Comparator {
  const numbers = parts.slice(0, 3).filter((part) => part !== undefined);
  const wildcard = numbers.findIndex((part) => /[xX*]/.test(part));
  const kept = (wildcard < 0 ? numbers : numbers.slice(0, wildcard)).map((part) =>
    part.replace(/^0+(?=\d)/, ""),
  );
  const prerelease = parts[3];
  if (prerelease !== undefined && kept.length < 3) {
    throw new SyntaxError(`"${text.trim()}" has a pre-release, but not all of X.Y.Z`);
  }
  const canonical = SYNONYMS[operator] ?? operator;
  if (kept.length === 0 && [">", "<", "!="].includes(canonical)) {
    throw new SyntaxError(`"${text.trim()}" can never match`);
  }
  const version = kept.length === 0 ? "*" : kept.join(".");
  return {
    operator: kept.length === 0 || (canonical === "" && wildcard >= 0) ? "=" : canonical,
    version: prerelease === undefined ? version : `${version}-${prerelease}`,
    isPartial: kept.length < 3,
  };
}

/** `1.3.0` alone is `^1.3.0` (D2); beside other comparators it is `=1.3.0`. */
function withBareAsCaret(comparators: readonly Comparator[]): Comparator[] {
  const operator = comparators.length === 1 ? "^" : "=";
  return comparators.map((comparator) =>
    comparator.operator === "" ? { ...comparator, operator } : comparator,
  );
}

function compareComparators(left: Comparator, right: Comparator): number {
  const order = OPERATOR_ORDER.indexOf(left.operator) - OPERATOR_ORDER.indexOf(right.operator);
  return order || (left.version < right.version ? -1 : 1);
}

function formatComparator({ operator, version, isPartial }: Comparator): string {
  if (version === "*") return "*";
  return operator === "=" && isPartial ? `${version}.x` : `${operator}${version}`;
}

function createRange(text: string, includePrerelease: boolean): Range {
  try {
    return new Range(text, { includePrerelease, loose: true });
  } catch (cause) {
    throw new SyntaxError(`"${text}" is not a range of versions`, { cause });
  }
}

function anchorOf(comparator: Comparator): SemVer[] {
  return [">=", "<="].includes(comparator.operator) ? literalOf(comparator) : [];
}

function literalOf({ version }: Comparator): SemVer[] {
  const literal = parseVersion(/^\d+$/.test(version) ? `${version}.0` : version);
  return literal === undefined ? [] : [literal];
}
