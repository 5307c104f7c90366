import { describe, expect, test } from "vitest";
import {
  contentLengthOf,
  retryAfterMsOf,
  warningsOf,
} from "../../../src/registry/transport/headers.ts";

describe("retryAfterMsOf()", () => {
  const date = "Sat, 21 Nov 2026 10:00:00 GMT";
  test.each<[string, Record<string, string>, number | undefined]>([
    ["no header", {}, undefined],
    ["seconds", { "retry-after": "120" }, 120_000],
    [
      "a date after the server's own",
      { "retry-after": "Sat, 21 Nov 2026 10:02:00 GMT", date },
      120_000,
    ],
    ["a date that is past", { "retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", date }, 0],
    ["a time since 1970", { "retry-after": "1795255290", date }, 90_000],
    ["a time that is past", { "retry-after": "1746136938", date }, 0],
    ["anything else", { "retry-after": "soon" }, undefined],
    ["a negative number", { "retry-after": "-5" }, undefined],
  ])("reads %s", (_, headers, expected) => {
    expect(retryAfterMsOf(headers)).toBe(expected);
  });
});

describe("contentLengthOf()", () => {
  test.each<[string | undefined, number | undefined]>([
    ["12", 12],
    ["-1", undefined],
    ["1e9", undefined],
    ["99999999999999999999", undefined],
    [undefined, undefined],
  ])("%j is %j", (text, expected) => {
    expect(contentLengthOf(text === undefined ? {} : { "content-length": text })).toBe(expected);
  });
});

describe("warningsOf()", () => {
  test("takes the texts of code 299 without control characters", () => {
    const warning = ['299 - "old \\"thing\\"", 199 - "no"', '299 - "\u001b[31mred"'];
    expect(warningsOf({ warning })).toEqual(['old "thing"', " [31mred"]);
  });

  test("reads no more than the specification allows", () => {
    const warning = `299 - "${"x".repeat(5000)}", 299 - "late"`;
    expect(warningsOf({ warning })).toEqual([]);
  });
});
