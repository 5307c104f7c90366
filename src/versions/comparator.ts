import { compareNumbers, compareVersions, type Version } from "./version.ts";

/** One comparison of a constraint: an operator and the version behind it. */
export interface Comparator {
  readonly operator: Operator;
  /** What is written; numbers that are not are zero. */
  readonly version: Version;
  /** How many of the three numbers are written: a wildcard ends them, so `1.x.3` has one and `*` none. */
  readonly written: number;
}

export type Operator = "=" | "!=" | ">" | ">=" | "<" | "<=" | "~" | "^";

/** Whether a version meets a comparison. Pre-releases are like any other version here. */
export function meets(version: Version, comparator: Comparator): boolean {
  return RULES[comparator.operator](version, comparator);
}

type Rule = (version: Version, comparator: Comparator) => boolean;

/**
 * The rules of Masterminds/semver 3.4.0. Two words say them all: "not below" compares whole versions, with zeros for
 * what is not written; "alike" compares only numbers, as many of the first ones as the operator looks at.
 *
 *   ~1.3.2   not below 1.3.2, the first two alike      ^1.3.2   the first one alike
 *   =1.3     not below 1.3.0, what is written alike    ^0.3.2   the numbers up to the first that is not zero alike
 *   >1.3     what is written is above                  <=1.3    what is written is not above
 */
const RULES: Readonly<Record<Operator, Rule>> = {
  ">=": isNotBelow,
  "<": (version, comparator) => !isNotBelow(version, comparator),
  ">": (version, comparator) => compareWritten(version, comparator) > 0,
  "<=": (version, comparator) => compareWritten(version, comparator) <= 0,
  "~": (version, comparator) =>
    isNotBelow(version, comparator) &&
    isAlike(version, comparator, Math.min(comparator.written, 2)),
  "^": (version, comparator) =>
    isNotBelow(version, comparator) && isAlike(version, comparator, fixedByCaret(comparator)),
  "=": (version, comparator) =>
    comparator.written === 3
      ? compareWritten(version, comparator) === 0
      : isNotBelow(version, comparator) && isAlike(version, comparator, comparator.written),
  // "!=1" takes out the pre-releases of 1.x as well, "!=1.3" only releases
  "!=": (version, comparator) =>
    !isAlike(version, comparator, comparator.written) ||
    (comparator.written > 1 && !hasSamePrerelease(version, comparator)),
};

function isNotBelow(version: Version, comparator: Comparator): boolean {
  return compareVersions(version, comparator.version) >= 0;
}

function isAlike(version: Version, comparator: Comparator, count: number): boolean {
  return compareNumbers(version, comparator.version, count) === 0;
}

/** A pre-release counts only beside all three numbers. */
function compareWritten(version: Version, { version: bound, written }: Comparator): number {
  return written === 3 ? compareVersions(version, bound) : compareNumbers(version, bound, written);
}

function fixedByCaret({ version, written }: Comparator): number {
  const first = version.numbers.slice(0, written).findIndex((number) => number !== 0n);
  return first < 0 ? written : first + 1;
}

function hasSamePrerelease(version: Version, { version: other }: Comparator): boolean {
  return version.prerelease.join(".") === other.prerelease.join(".");
}
