import { describe, expect, test } from "vitest";
import { quotaOf, refillMsOf } from "../../../../src/registry/transport/patience/quota.ts";

describe("what a registry says of the requests that are left", () => {
  test.each([
    [
      { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600" },
      { limit: 100, remaining: 76, windowMs: 21_600_000 },
    ],
    [
      { "ratelimit-remaining": "0", "ratelimit-reset": "50" },
      { remaining: 0, resetMs: 50_000 },
    ],
    [
      { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "59" },
      { limit: 60, remaining: 59 },
    ],
    [{ "ratelimit-remaining": "1", "ratelimit-reset": "1772323200" }, { remaining: 1 }],
    [{ "ratelimit-remaining": "many" }, undefined],
    [{ "ratelimit-limit": "100" }, undefined],
    [{}, undefined],
  ])("is read from %j", (headers, expected) => {
    expect(quotaOf(headers)).toEqual(expected);
  });

  test("tells how long one takes to come back", () => {
    expect(refillMsOf({ remaining: 0, limit: 100, windowMs: 21_600_000 })).toBe(216_000);
    expect(refillMsOf({ remaining: 0, limit: 100, resetMs: 50_000 })).toBe(50_000);
    expect(refillMsOf({ remaining: 0, limit: 100 })).toBeUndefined();
  });
});
