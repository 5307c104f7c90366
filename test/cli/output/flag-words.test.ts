import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands/list.ts";
import { createFlagWords } from "../../../src/cli/output/flag-words.ts";
import { call, option } from "../../../src/option.ts";

const wordsOf = (name: string) =>
  createFlagWords(
    COMMANDS.find((command) => command.name === name),
    COMMANDS,
  );

describe("createFlagWords()", () => {
  test.each([
    ["pull", option("caFiles"), "--ca-file"],
    ["pull", option("login"), "--source-login"],
    ["push", option("login"), "--registry-login"],
    ["doctor", option("login"), "--username"],
    ["doctor", option("password"), "--password-stdin"],
    ["push", option("force"), "--force (mirror pull)"],
    ["push", call("verifyBundle"), '"mirror verify"'],
    [
      "push",
      "a `quoted` word and `caFiles` twice `caFiles`",
      "a `quoted` word and --ca-file twice --ca-file",
    ],
    ["push", "`constructor` is no option", "`constructor` is no option"],
  ])("says in %s %s as %s", (command, text, expected) => {
    expect(wordsOf(command)(text)).toBe(expected);
  });

  test("writes every field of a report that is prose, and no other", () => {
    const report = {
      bundlePath: "`force`",
      failures: [{ subject: "`force`", message: "`force`", hint: "use `insecure`" }],
      checks: [{ detail: "`insecure`" }],
      notices: [{ code: "`force`", message: "`force`" }],
    };
    expect(wordsOf("pull")(report)).toEqual({
      bundlePath: "`force`",
      failures: [{ subject: "`force`", message: "--force", hint: "use --insecure" }],
      checks: [{ detail: "--insecure" }],
      notices: [{ code: "`force`", message: "--force" }],
    });
  });
});
