import { describe, expect, test } from "vitest";
import { toOutputOptions } from "../../../src/cli/options/output.ts";

describe("toOutputOptions()", () => {
  const terminal = { isTTY: true };
  const pipe = {};

  test.each([
    ["bars on a terminal", {}, { stderr: terminal, env: { TERM: "xterm" } }, "tty"],
    ["lines in a pipe", {}, { stderr: pipe, env: {} }, "plain"],
    ["lines on a dumb terminal", {}, { stderr: terminal, env: { TERM: "dumb" } }, "plain"],
    ["lines in CI", {}, { stderr: terminal, env: { CI: "true" } }, "plain"],
    ["lines with --debug", { debug: true }, { stderr: terminal, env: {} }, "plain"],
    ["what is asked for", { progress: "tty" }, { stderr: pipe, env: {} }, "tty"],
    ["nothing when asked", { progress: "none" }, { stderr: terminal, env: {} }, "none"],
  ])("shows %s", (_what, flags, surroundings, progress) => {
    expect(toOutputOptions(flags, surroundings).progress).toBe(progress);
  });

  test.each([
    ["text", {}],
    ["document", { json: true }],
    ["lines", { progress: "json" }],
    ["lines", { progress: "json", json: true }],
  ])("prints the result as %s with %j", (result, flags) => {
    expect(toOutputOptions(flags, { stderr: pipe, env: {} }).result).toBe(result);
  });
});
