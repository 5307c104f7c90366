import { describe, expect, test } from "vitest";
import { isWantedType, parseReferrerTypes } from "../../src/oci/referrer-types.ts";

describe("parseReferrerTypes()", () => {
  test("sorts types and takes each once", () => {
    expect(parseReferrerTypes(["b/x", "a/*", "b/x"])).toEqual(["a/*", "b/x"]);
  });

  test.each(["", "a b", "a/b; charset=utf-8", "ä/x"])(
    "refuses what is no media type: %j",
    (text) => {
      expect(() => parseReferrerTypes([text])).toThrow(/is not a media type/);
    },
  );
});

describe("isWantedType()", () => {
  test.each<[readonly string[], readonly string[], boolean]>([
    [[], [], true],
    [[], ["a/b"], true],
    [["a/b"], ["a/b"], true],
    [["a/b"], ["a/bc"], false],
    [["a/b"], ["x/y", "a/b"], true],
    [["x/y", "a/*"], ["a/b"], true],
    [["*spdx*"], ["application/spdx+json"], true],
    [["*"], ["a/b"], true],
    [["a*a"], ["a"], false],
    [["a*b*b"], ["ab"], false],
    [["a*b*b"], ["abb"], true],
    [["a/b"], [], false],
  ])("%j takes %j: %s", (patterns, types, wanted) => {
    expect(isWantedType(patterns, types)).toBe(wanted);
  });

  test("takes no longer for a hostile pattern", () => {
    const pattern = "a*".repeat(120);
    expect(isWantedType([pattern], [`${"a".repeat(5000)}b!`])).toBe(true);
    expect(isWantedType([`${pattern}c`], ["a".repeat(5000)])).toBe(false);
  });
});
