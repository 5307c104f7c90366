import { describe, expect, test } from "vitest";
import { formatConstraint, parseConstraint, satisfies } from "../../src/versions/constraint.ts";
import { parseVersion } from "../../src/versions/tag-version.ts";
import { cpuMilliseconds } from "../support/cpu-time.ts";

function isIn(version: string, constraint: string): boolean {
  const parsed = parseVersion(version);
  if (parsed === undefined) throw new Error(`${version} is no version`);
  return satisfies(parseConstraint(constraint), parsed);
}

describe("satisfies()", () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ["^1.3.0", ["1.3.0", "1.9.9"], ["1.2.9", "2.0.0", "2.0.0-rc.1", "1.4.0-rc.1"]],
    ["^0.4.0", ["0.4.0", "0.4.9"], ["0.5.0"]],
    ["^0.0.3", ["0.0.3"], ["0.0.4"]],
    ["~1.3", ["1.3.0", "1.3.9"], ["1.4.0"]],
    ["~1", ["1.0.0", "1.9.0"], ["2.0.0"]],
    ["~0.0.0", ["0.0.0", "0.0.9"], ["0.1.0", "1.0.0"]],
    ["~>1.2", ["1.2.5"], ["1.3.0"]],
    ["<=1.68", ["1.68.0", "1.68.99", "0.1.0"], ["1.69.0"]],
    [">1.64", ["1.65.0"], ["1.64.0", "1.64.9"]],
    ["<1.64", ["1.63.9"], ["1.64.0"]],
    [">=1.x", ["1.0.0", "2.0.0"], ["0.9.0"]],
    [">=1.0.0||>=2.0.0", ["1.0.0"], ["0.9.0"]],
    ["=>1.0 =<2", ["1.0.0", "2.9.9"], ["3.0.0"]],
    [">=1.0, <2.0", ["1.5.0"], ["2.0.0"]],
    [">=1.0.0 <2.0.0 || ^3.1", ["1.5.0", "3.2.0"], ["2.5.0", "3.0.0"]],
    ["!=1.3.0", ["1.2.0", "1.3.1"], ["1.3.0"]],
    [">=1.0 !=1.3", ["1.2.0", "1.4.0"], ["1.3.0", "1.3.7"]],
    ["1.2 - 1.4", ["1.2.0", "1.4.9"], ["1.1.9", "1.5.0"]],
    ["1.2.x", ["1.2.0", "1.2.9"], ["1.3.0"]],
    ["*", ["0.0.1", "9.0.0"], ["1.0.0-rc.1"]],
    ["v1.2.3", ["1.2.3", "1.9.0"], ["2.0.0"]],
    [">= 01.02.03", ["1.2.3"], ["1.2.2"]],
    ["=1.3.0 || =1.5.0", ["1.3.0", "1.5.0"], ["1.4.0"]],
    [">=1.0.0 1.2.0", ["1.2.0"], ["1.2.1"]],
    [">1.0<2.0", ["1.5.0"], ["2.0.0"]],
  ])("%s takes %j, not %j", (constraint, taken, left) => {
    expect(taken.filter((version) => !isIn(version, constraint))).toEqual([]);
    expect(left.filter((version) => isIn(version, constraint))).toEqual([]);
  });

  test.each<[string, readonly string[], readonly string[]]>([
    [">=1.0.0-0", ["1.0.0-alpha", "1.5.0-rc.1", "2.0.0"], ["0.9.0"]],
    [">=1.0.0-0 <2.0.0", ["1.5.0-rc.1"], ["2.0.0"]],
    ["^1.3.0-rc.1", ["1.3.0-rc.1", "1.4.0-beta.2"], ["1.3.0-alpha", "2.0.0-rc.1"]],
    ["1.3.0-rc.1", ["1.3.0-rc.1", "1.3.0"], ["1.3.0-alpha"]],
    ["^1.0.0 || ^2.0.0-0", ["2.1.0-rc.1"], ["1.5.0-rc.1"]],
  ])("%s takes pre-releases in the alternative that names one: %j, not %j", (text, taken, left) => {
    expect(taken.filter((version) => !isIn(version, text))).toEqual([]);
    expect(left.filter((version) => isIn(version, text))).toEqual([]);
  });
});

describe("formatConstraint()", () => {
  test.each([
    ["1.3.0", "^1.3.0"],
    ["v1.3", "^1.3"],
    ["1.x.x", "1.x"],
    ["1.x.3", "1.x"],
    ["=1.3", "1.3.x"],
    ["X", "*"],
    ["~*", "*"],
    ["<2.0.0,>=1.0.0", ">=1.0.0 <2.0.0"],
    [">=1.0.0 >=1.0.0", ">=1.0.0"],
    ["^2 || ^1 || ^2", "^1 || ^2"],
    ["!=1.2.0 >1", ">1 !=1.2.0"],
    ["1.3.0+build.7", "^1.3.0"],
  ])("writes %s as %s", (text, formatted) => {
    expect(formatConstraint(parseConstraint(text))).toBe(formatted);
  });

  test.each([
    "^1.3.0",
    "=1.3.0 || ^2.0.0",
    ">=1.0.0-rc.1 <2.0.0 !=1.5.0",
    "1.3.x",
    "*",
    ">=1.2 <=1.4",
  ])("is read back as it was: %s", (text) => {
    expect(formatConstraint(parseConstraint(text))).toBe(text);
  });
});

describe("parseConstraint()", () => {
  test.each([
    "",
    " ",
    "||",
    "invalid",
    "1.64.",
    "^^1.0",
    "1.2.3.4",
    ">",
    "1..2",
    ">=1.0,",
    ">=1.0,,<2",
    "1.2.3-01",
    "<*",
  ])("refuses %j", (text) => {
    expect(() => parseConstraint(text)).toThrow(SyntaxError);
  });

  test("takes no time for long nonsense", () => {
    const spaces = " ".repeat(1000);
    for (const text of [`${spaces}a -${spaces}`, `>=1.0.0-${"a.".repeat(900)}!`]) {
      const parse = () => expect(() => parseConstraint(text)).toThrow(SyntaxError);
      expect(cpuMilliseconds(parse)).toBeLessThan(500);
    }
  });
});

describe("parseVersion()", () => {
  test.each([
    ["v1.3.0", "1.3.0"],
    ["1.3", "1.3.0"],
    ["v1.3", "1.3.0"],
    ["1.3.0-rc.1", "1.3.0-rc.1"],
    ["2024.01.15", "2024.1.15"],
  ])("reads %s as %s", (tag, version) => {
    expect(parseVersion(tag)?.text).toBe(version);
  });

  test.each([
    "2",
    "v2",
    "20240101",
    "latest",
    "notasemver",
    "1.2.3.4",
    "sha256-ab",
    "1.3_build",
    "V1.2.3",
  ])("takes %s for no version", (tag) => {
    expect(parseVersion(tag)).toBeUndefined();
  });
});
