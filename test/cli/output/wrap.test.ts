import { describe, expect, test } from "vitest";
import { wrap } from "../../../src/cli/output/wrap.ts";

describe("wrap()", () => {
  test.each([
    ["short", "short"],
    [
      "a line that is longer than twenty columns",
      "a line that is\n  longer than twenty\n  columns",
    ],
    [`see ${"x".repeat(30)}`, `see\n  ${"x".repeat(18)}\n  ${"x".repeat(12)}`],
    ["x".repeat(20), "x".repeat(20)],
    ["", ""],
  ])("breaks %j so that nothing is cut off at 20 columns", (text, lines) => {
    expect(wrap(text, 20)).toBe(lines);
  });
});
