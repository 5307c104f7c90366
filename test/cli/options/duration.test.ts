import { describe, expect, test } from "vitest";
import { parseDuration } from "../../../src/cli/options/duration.ts";

describe("parseDuration()", () => {
  test.each([
    ["90s", 90_000],
    ["15m", 900_000],
    ["1h30m", 5_400_000],
    ["250ms", 250],
    ["1.5m", 90_000],
    ["30", 30_000],
    ["0", 0],
  ])("reads %s as %i ms", (text, milliseconds) => {
    expect(parseDuration(text, "retry-timeout")).toBe(milliseconds);
  });

  test.each(["", "soon", "15 minutes", "-1s", "1d", "s"])("refuses %j", (text) => {
    expect(() => parseDuration(text, "retry-timeout")).toThrow(/--retry-timeout/);
  });
});
