import { expect, test } from "vitest";
import { asksForDebug, noticesOfEnvironment } from "../../../src/cli/options/environment.ts";

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
