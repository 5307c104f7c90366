import { compareTexts } from "../compare-texts.ts";
import { type Comparator, meets, type Operator } from "./comparator.ts";
import { compareVersions, createVersion, type Version } from "./version.ts";

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
  readonly comparators: readonly Comparator[];
}

/** As it is written: without an operator the rest of the constraint decides. */
interface Term extends Omit<Comparator, "operator"> {
  readonly operator: Operator | "";
}

const VERSION =
  "v?(\\d+|[xX*])(?:\\.(\\d+|[xX*]))?(?:\\.(\\d+|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?";
const END = "(?=$|[\\s,<>=!~^])";
const COMPARISON = new RegExp(`(!=|=>|>=|=<|<=|~>|>|<|=|~|\\^|)\\s*${VERSION}${END}`, "y");
const HYPHEN = new RegExp(`${VERSION}\\s+-\\s+${VERSION}${END}`, "y");
const SEPARATOR = /\s*,?\s*/y;

const SYNONYMS: Readonly<Record<string, string>> = { "=>": ">=", "=<": "<=", "~>": "~" };

/** Order of the comparators of one alternative: what opens it, what closes it, what is taken out. */
const OPERATOR_ORDER: readonly Operator[] = ["=", "^", "~", ">", ">=", "<", "<=", "!="];

/** Throws `SyntaxError` with the reason as its message. */
export function parseConstraint(text: string): Constraint {
  // One version and nothing else is `^1.3.0` (D2); beside other comparators or sides it is `=1.3.0`
  return readConstraint(text, (count) => (count === 1 ? "^" : "="));
}

/** As `parseConstraint`, and a version alone is exactly this one, as Masterminds has it. */
export function parseExactConstraint(text: string): Constraint {
  return readConstraint(text, () => "=");
}

function readConstraint(text: string, operatorFor: (count: number) => Operator): Constraint {
  const sides = text.split("||").map((side) => scanTerms(side.trim()));
  const bare = operatorFor(sides.flat().length);
  return withAlternatives(
    sides.map((terms) =>
      createAlternative(terms.map((term) => ({ ...term, operator: term.operator || bare }))),
    ),
  );
}

/** What any of some constraints takes. */
export function joinConstraints(constraints: readonly Constraint[]): Constraint {
  return withAlternatives(constraints.flatMap(({ alternatives }) => alternatives));
}

export function formatConstraint({ alternatives }: Constraint): string {
  return alternatives.map(({ text }) => text).join(" || ");
}

export function satisfies({ alternatives }: Constraint, version: Version): boolean {
  return alternatives.some(
    ({ comparators }) =>
      (version.prerelease.length === 0 || comparators.some(namesPrerelease)) &&
      comparators.every((comparator) => meets(version, comparator)),
  );
}

/** Versions that were named with `>=` or `<=`: `latestPatch` keeps them although they are not the highest patch. */
export function anchorsOf({ alternatives }: Constraint): readonly Version[] {
  return alternatives
    .flatMap(({ comparators }) => comparators)
    .filter(({ operator, written }) => [">=", "<="].includes(operator) && written > 0)
    .map(({ version }) => version);
}

/** The smallest version that is written; undefined where none is (`*`). */
export function lowestLiteralOf({ alternatives }: Constraint): Version | undefined {
  const [lowest] = alternatives
    .flatMap(({ comparators }) => comparators)
    .filter(({ written }) => written > 0)
    .map(({ version }) => version)
    .sort(compareVersions);
  return lowest;
}

/** The sides of `||`, one by one. */
export function splitAlternatives({ alternatives }: Constraint): readonly Constraint[] {
  return alternatives.map((alternative) => ({ alternatives: [alternative] }));
}

/** Each once, in one order. */
function withAlternatives(all: readonly Alternative[]): Constraint {
  const unique = new Map(all.map((alternative) => [alternative.text, alternative]));
  return {
    alternatives: [...unique.values()].sort((left, right) => compareTexts(left.text, right.text)),
  };
}

function namesPrerelease({ version }: Comparator): boolean {
  return version.prerelease.length > 0;
}

function createAlternative(comparators: readonly Comparator[]): Alternative {
  const written = new Map(
    comparators.map((comparator) => [formatComparator(comparator), comparator]),
  );
  const sorted = [...written].sort(([left, a], [right, b]) => {
    const order = OPERATOR_ORDER.indexOf(a.operator) - OPERATOR_ORDER.indexOf(b.operator);
    return order || compareTexts(left, right);
  });
  return {
    text: sorted.map(([text]) => text).join(" "),
    comparators: sorted.map(([, comparator]) => comparator),
  };
}

/** `1.2 - 1.4` is `>=1.2 <=1.4`. */
function scanTerms(text: string): Term[] {
  if (text === "") throw new SyntaxError("a side of || or the whole constraint is empty");
  const terms: Term[] = [];
  let position = 0;
  const next = (pattern: RegExp) => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  while (position < text.length) {
    const rest = text.slice(position);
    const bounds = next(HYPHEN);
    const comparison = bounds ?? next(COMPARISON);
    if (comparison === null) {
      throw new SyntaxError(`"${rest.trim()}" is not a version or a comparison`);
    }
    const [written, ...parts] = comparison;
    if (bounds === null) {
      terms.push(createTerm(written, parts));
    } else {
      terms.push(createTerm(written, [">=", ...parts.slice(0, 4)]));
      terms.push(createTerm(written, ["<=", ...parts.slice(4)]));
    }
    next(SEPARATOR);
  }
  if (/,\s*$/.test(text)) throw new SyntaxError(`nothing stands behind the last comma`);
  return terms;
}

/** `parts`: the operator, three numbers or wildcards, and the pre-release. */
function createTerm(text: string, [sign = "", ...parts]: readonly (string | undefined)[]): Term {
  const operator = (SYNONYMS[sign] ?? sign) as Term["operator"];
  const numbers = parts.slice(0, 3).filter((part) => part !== undefined);
  const wildcard = numbers.findIndex((part) => /[xX*]/.test(part));
  const kept = wildcard < 0 ? numbers : numbers.slice(0, wildcard);
  const version = createVersion(kept, parts[3]);
  if (version === undefined) throw new SyntaxError(`"${text}" is not a range of versions`);
  if (kept.length > 0) {
    // Who writes 1.3.x means what it says
    return { operator: operator || (wildcard < 0 ? "" : "="), version, written: kept.length };
  }
  if (operator === "<") throw new SyntaxError(`"${text}" can never match`);
  // Behind > and != a wildcard alone is 0.0.0, everywhere else it is any version
  if (operator === ">" || operator === "!=") return { operator, version, written: 3 };
  return { operator: "=", version, written: 0 };
}

function formatComparator({ operator, version, written }: Comparator): string {
  if (written === 3) return `${operator}${version.text}`;
  const numbers = version.numbers.slice(0, written).join(".");
  const prerelease = version.prerelease.length > 0 ? `-${version.prerelease.join(".")}` : "";
  if (written === 0) return `*${prerelease}`;
  return operator === "=" ? `${numbers}.x${prerelease}` : `${operator}${numbers}${prerelease}`;
}
