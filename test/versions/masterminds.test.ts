import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { formatConstraint, parseConstraint, satisfies } from "../../src/versions/constraint.ts";
import { parseVersion } from "../../src/versions/tag-version.ts";

/** What the reference implementation answered, once. A bit of a group stands for a version: whether it is taken. */
interface Table {
  readonly versions: readonly string[];
  readonly refused: readonly string[];
  /** Bits as hex digits, and the constraints that gave them. */
  readonly accepted: Readonly<Record<string, readonly string[]>>;
}

const TABLE: Table = JSON.parse(
  readFileSync(new URL("../../fixtures/semver/masterminds-3.4.0.json", import.meta.url), "utf8"),
);

/** Where we differ on purpose (docs/versions.md): what the reference has to be asked for the same answer. */
const DIFFERENCES: readonly { readonly title: string; readonly asked: Rewrite }[] = [
  {
    title: "a bare version alone is ^",
    asked: (text) => text.replace(/^\s*(v?\d+(?:\.\d+){0,2}(?:[-+][^\s,|]*)?)\s*$/, "^$1"),
  },
  {
    title: "nothing is above a wildcard that closes a range",
    asked: (text) => text.replaceAll(/(\S+)\s+-\s+[*xX](?![\w.])/g, ">=$1"),
  },
  {
    title: "^* and <=* are any version",
    asked: (text) => text.replaceAll(/(?:\^|<=|=<)\s*(?=[*xX])/g, ""),
  },
  {
    title: "~0.0.0 stays below 0.1.0, as ~0.0.1 does",
    asked: (text) => text.replaceAll(/~>?\s*0\.0\.0/g, "~0.0"),
  },
  {
    title: "comparisons need no space between them",
    asked: (text) => text.replaceAll(/(?<=\d)(?=[<>])/g, " "),
  },
];

/** Accepted by the reference, and refused here because a typing error is likelier. */
const REFUSED_HERE: readonly string[] = ["<*", "<X", "<x", "<*-0", "<x-rc.1"];

type Rewrite = (constraint: string) => string;

const expected = new Map<string, string>([
  ...TABLE.refused.map((constraint) => [constraint, "refused"] as const),
  ...Object.entries(TABLE.accepted).flatMap(([bits, constraints]) =>
    constraints.map((constraint) => [constraint, bits] as const),
  ),
]);
const constraints = [...expected.keys()].filter((constraint) => !REFUSED_HERE.includes(constraint));
const versions = TABLE.versions.map((text) => parseVersion(text));

describe("a constraint and Masterminds/semver 3.4.0", () => {
  test("have a table of thousands of constraints, held against many versions", () => {
    expect(constraints.length).toBeGreaterThan(3000);
    expect(TABLE.versions.length).toBeGreaterThan(150);
    expect(TABLE.versions.filter((_, at) => versions[at] === undefined)).toEqual([]);
  });

  test("take the same versions, but for the differences that are named", () => {
    const asked = (constraint: string) =>
      DIFFERENCES.reduce((text, difference) => difference.asked(text), constraint);
    const different = constraints.filter(
      (constraint) => answer(constraint) !== expected.get(asked(constraint)),
    );
    expect(different).toEqual([]);
  });

  test.each(DIFFERENCES)("differ on purpose: $title", ({ asked }) => {
    const rewritten = constraints.filter((constraint) => asked(constraint) !== constraint);
    expect(rewritten.filter((text) => answer(text) !== expected.get(text))).not.toEqual([]);
  });

  test.each(REFUSED_HERE)("differ on purpose: %s can never match and is refused", (constraint) => {
    expect(expected.get(constraint)).not.toBe("refused");
    expect(answer(constraint)).toBe("refused");
  });

  test("mean the same in the one spelling that a constraint is written in", () => {
    const accepted = constraints.filter((constraint) => answer(constraint) !== "refused");
    const changed = accepted.filter((constraint) => {
      const text = formatConstraint(parseConstraint(constraint));
      return (
        formatConstraint(parseConstraint(text)) !== text || answer(text) !== answer(constraint)
      );
    });
    expect(changed).toEqual([]);
  });
});

describe("satisfies()", () => {
  test.each([
    [
      "an upper end without a pre-release keeps those before it",
      ">=1.2.3-rc.1 <2",
      "2.0.0-rc.1",
      true,
    ],
    [
      "a partial lower end is above its own pre-releases",
      ">=1.3 <2.0.0-rc.1",
      "1.3.0-alpha",
      false,
    ],
    ["a partial caret is above its own pre-releases", "^1.3 <2.0.0-rc.1", "1.3.0-alpha", false],
    ["a partial tilde is above its own pre-releases", "~1.3 <2.0.0-rc.1", "1.3.0-alpha", false],
    ["a wildcard is above its own pre-releases", "1.3.x <2.0.0-rc.1", "1.3.0-alpha", false],
    ["a bare version on one side of || is exact", "~1.3 || 1.2.3", "1.2.4", false],
    ["a bare version on one side of || is there", "~1.3 || 1.2.3", "1.2.3", true],
    ["numbers above 2^53 are told apart", ">0.0.20241129103028122", "0.0.20241129103028123", true],
    ["numbers above 2^53 are told apart", "<0.0.20241129103028123", "0.0.20241129103028123", false],
    ["a partial version may name a pre-release", "^1.2-rc.1", "1.2.0-rc.2", true],
    ["0-0 is the lowest pre-release", ">=0-0", "0.0.0-alpha", true],
    [">* is above 0.0.0", ">*", "0.0.1", true],
  ])("%s: %s and %s", (_, constraint, tag, isTaken) => {
    const version = parseVersion(tag);
    expect(version && satisfies(parseConstraint(constraint), version)).toBe(isTaken);
  });
});

/** The bits of a constraint, as the table has them. */
function answer(text: string): string {
  try {
    const constraint = parseConstraint(text);
    const bits = versions.map((version) => (version && satisfies(constraint, version) ? "1" : "0"));
    return (bits.join("").match(/.{1,4}/g) ?? [])
      .map((digit) => Number.parseInt(digit.padEnd(4, "0"), 2).toString(16))
      .join("");
  } catch (error) {
    if (error instanceof SyntaxError) return "refused";
    throw error;
  }
}
