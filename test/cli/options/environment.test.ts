import { describe, expect, test } from "vitest";
import {
  asksForDebug,
  noticesOfEnvironment,
  noticesOfMisspelling,
} from "../../../src/cli/options/environment.ts";

test.each([
  [true, { MIRROR_DEBUG: "1" }],
  [true, { MIRROR_LOG_LEVEL: "debug" }],
  [true, { D8_LOG_LEVEL: "Trace" }],
  [true, { MIRROR_DEBUG_LOG: "3" }],
  [false, { MIRROR_DEBUG_LOG: "0" }],
  [false, { MIRROR_DEBUG_LOG: "much" }],
  [false, { MIRROR_LOG_LEVEL: "info", MIRROR_DEBUG: "0" }],
  [false, {}],
])("asksForDebug() is %s for %j", (expected, env) => {
  expect(asksForDebug(env)).toBe(expected);
});

test("noticesOfEnvironment() tells what to use instead of D8_MIRROR_TIMEOUT", () => {
  const [notice] = noticesOfEnvironment({ D8_MIRROR_TIMEOUT: "10m" });
  expect(notice?.message).toContain("--retry-timeout");
  expect(noticesOfEnvironment({})).toEqual([]);
});

describe("noticesOfMisspelling()", () => {
  const flags = ["include-module", "no-platform", "source", "source-password", "debug"];

  test("names variables that look like those of flags, and not their values", () => {
    const env = { MIRROR_INCLUDE_MODUL: "foo", MIRROR_NO_PLATFROM: "1" };
    expect(noticesOfMisspelling(env, flags).map(({ message }) => message)).toEqual([
      "MIRROR_INCLUDE_MODUL has no effect: no flag has this name. Did you mean MIRROR_INCLUDE_MODULE?",
      "MIRROR_NO_PLATFROM has no effect: no flag has this name. Did you mean MIRROR_NO_PLATFORM?",
    ]);
  });

  test("leaves flags, variables of other programs and all that look like no flag", () => {
    const env = {
      MIRROR_SOURCE: "r.test/x",
      MIRROR_DEBUG_LOG: "1",
      MIRROR_LOG_LEVEL: "debug",
      MIRROR_COLOR: "red",
      D8_MIRROR_SOURCE_PASWORD: "x",
      SOURC: "x",
    };
    expect(noticesOfMisspelling(env, flags)).toEqual([]);
  });
});
