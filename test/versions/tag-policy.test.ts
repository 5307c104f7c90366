import { describe, expect, test } from "vitest";
import { createTagMatcher, parseTagPolicy } from "../../src/versions/tag-policy.ts";

const matches = (policy: string, tag: string) => createTagMatcher(parseTagPolicy(policy))(tag);

/** Patterns, what they take and what they do not: the verdicts of Flux v1. */
const VERDICTS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["*", ["", "1", "foo"], []],
  ["glob:*", ["", "1", "foo"], []],
  ["master-*", ["master-", "master-foo"], ["", "foo-master"]],
  ["semver:*", ["1", "1.0", "v1.0.3"], ["", "latest", "2.0.1-alpha.1"]],
  ["semver:~1", ["v1", "1", "1.2", "1.2.3"], ["", "latest", "2.0.0"]],
  ["semver:2.0.1-alpha.1", ["2.0.1-alpha.1"], ["2.0.1"]],
  ["regexp:(.*?)", ["", "1", "foo"], []],
  ["regexp:^([a-zA-Z]+)$", ["foo", "BAR", "fooBAR"], ["1", "foo-1"]],
  ["regex:^\\w{7}(?:\\w)?$", ["af14eb2", "bb73ed94", "946427ff"], ["1", "foo", "946427ff-foo"]],
];

describe("a policy takes the tags that Flux takes for it", () => {
  test.each(VERDICTS)("%s", (policy, taken, left) => {
    expect(taken.filter((tag) => !matches(policy, tag))).toEqual([]);
    expect(left.filter((tag) => matches(policy, tag))).toEqual([]);
  });
});

describe("a glob", () => {
  test.each([
    ["2.*", "2.0", true],
    ["2.*", "12.0", false],
    ["*-alpine*", "1.27-alpine3.20", true],
    ["a*b*c", "a-c-b", false],
    ["a*a", "a", false],
    ["1.2", "1x2", false],
    ["a.b", "a.b", true],
    ["**", "anything", true],
  ])("%s and the tag %s: %s", (pattern, tag, expected) => {
    expect(matches(`glob:${pattern}`, tag)).toBe(expected);
  });

  test("of many stars takes no longer for a tag that nearly fits", () => {
    const start = performance.now();
    expect(matches(`glob:${"*a".repeat(200)}*b`, "a".repeat(10_000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("a regular expression", () => {
  test("fits anywhere in a tag, unless it says otherwise", () => {
    expect(matches("regex:alpine", "1.27-alpine3.20")).toBe(true);
    expect(matches("regex:^\\d+-alpine$", "27-alpine")).toBe(true);
    expect(matches("regex:^\\d+-alpine$", "27-alpine3")).toBe(false);
  });

  test.each(["(a+)+$", "(a|aa)+$", "(.*a){20}", "^(a?){30}a{30}$"])(
    "%s, over which other engines do not come to an end, takes the time of any other",
    (expression) => {
      const start = performance.now();
      matches(`regex:${expression}`, `${"a".repeat(5000)}!`);
      expect(performance.now() - start).toBeLessThan(5000);
    },
  );
});

describe("a pattern that cannot be read takes nothing: it is refused", () => {
  test.each([
    ["semver:>=", /is not a version or a comparison/],
    ["semver:1.2.3.4.5", /is not a version/],
    ["regex:(", /missing closing/],
    ["regex:(?=a)", /RE2/],
    ["glob:", /is empty/],
    ["", /is empty/],
    [`glob:${"a".repeat(600)}`, /longer than 512/],
  ])("%s", (text, reason) => {
    expect(() => parseTagPolicy(text)).toThrow(SyntaxError);
    expect(() => parseTagPolicy(text)).toThrow(reason);
  });
});
