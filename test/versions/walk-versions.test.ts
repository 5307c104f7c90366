import { describe, expect, test } from "vitest";
import { lowestLiteralOf, parseConstraint } from "../../src/versions/constraint.ts";
import { walkVersions } from "../../src/versions/walk-versions.ts";

async function walk(constraint: string, there: string) {
  const asked: string[] = [];
  const known = new Set(there.split(" "));
  const found = await walkVersions(parseConstraint(constraint), async ({ text }) => {
    asked.push(text);
    return known.has(text);
  });
  return { found: found.map(({ text }) => text).join(" "), asked: asked.join(" ") };
}

describe("walkVersions()", () => {
  test.each([
    ["^1.64.0", "1.64.0 1.64.1 1.64.2", "", "1.64.0 1.64.1 1.64.2 1.64.3 1.65.0"],
    [">=1.64.0 <2.0.0", "1.65.0 1.65.1", "", "1.64.0 1.65.0 1.65.1 1.65.2 1.66.0"],
    [
      ">=1.64.0 <=1.65.0",
      "1.64.0 1.64.1 1.65.0 1.65.1 1.65.2",
      "1.64.0 1.64.1 1.65.0",
      "1.64.0 1.64.1 1.64.2 1.65.0",
    ],
    [">=1.0.0 <3.0.0", "1.0.0 2.0.0 2.0.1", "", "1.0.0 1.0.1 1.1.0 2.0.0 2.0.1 2.0.2 2.1.0"],
    ["^1.99.0", "-", "none", "1.99.0 1.100.0"],
    [">1.0.0 <1.1.0", "1.0.1", "", "1.0.1 1.0.2"],
    ["~1.2.0 || ~3.1.0", "1.2.0 3.1.0", "", "1.2.0 1.2.1 3.1.0 3.1.1"],
  ])("%s in a source with %s", async (constraint, there, found, asked) => {
    const expected = found === "none" ? "" : found || there;
    expect(await walk(constraint, there)).toEqual({ found: expected, asked });
  });

  test("passes a failure on", async () => {
    const failure = new Error("denied");
    const failing = walkVersions(parseConstraint("^1.0"), () => Promise.reject(failure));
    await expect(failing).rejects.toBe(failure);
  });
});

describe("lowestLiteralOf()", () => {
  test.each([
    ["^1.65.0", "1.65.0"],
    ["~1.65.0", "1.65.0"],
    [">=1.64.0 <=1.68.0", "1.64.0"],
    [">1.0.0 <=1.5.0", "1.0.0"],
    ["<=1.68.0 >=1.64.0", "1.64.0"],
    [">=v1.50.0 <2.0.0", "1.50.0"],
    [">=1.64 <=1.68", "1.64.0"],
  ])("of %s is %s", (constraint, lowest) => {
    expect(lowestLiteralOf(parseConstraint(constraint))?.text).toBe(lowest);
  });
});
