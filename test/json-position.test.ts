import { describe, expect, test } from "vitest";
import { findJsonError } from "../src/json-position.ts";

describe("findJsonError()", () => {
  test.each(["{}", '[1, -2.5e3, "a\\u00e9\\n", true, null, {"a": {}}]', ' "x" \n'])(
    "finds nothing in %s",
    (text) => {
      JSON.parse(text);
      expect(findJsonError(text)).toBeUndefined();
    },
  );

  test.each([
    ["", 1, 1],
    ["{", 1, 2],
    ['{"a": 1,}', 1, 9],
    ['{\n  "a": "b"\n  "c": 1\n}', 3, 3],
    ['{"a": secret}', 1, 7],
    ['{"a": "b"} x', 1, 12],
    ['{"a": "line\nbreak"}', 1, 12],
    ['{"a": "bad \\x"}', 1, 12],
    ["[1, 2", 1, 6],
    ["[01]", 1, 3],
    ["{'a': 1}", 1, 2],
    ["\ufeff{}", 1, 1],
  ])("tells where %j stops being JSON", (text, line, column) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(findJsonError(text)).toEqual({ line, column });
  });
});
