import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands/list.ts";
import { createFlagWords } from "../../../src/cli/output/flag-words.ts";
import type {
  CredentialsOptions,
  DiagnoseOptions,
  ExportOptions,
  OptionName,
  ParseSelectionOptions,
  PlanClientConfigOptions,
  PullOptions,
  PushAllOptions,
  ReadTagsOptions,
  RegistryClientOptions,
  RuntimeOptions,
  ServerOptions,
} from "../../../src/index.ts";
import { call, option } from "../../../src/option.ts";
import type { PlanPruneOptions } from "../../../src/prune/prune-options.ts";

const wordsOf = (name: string) =>
  createFlagWords(
    COMMANDS.find((command) => command.name === name),
    COMMANDS,
  );

/** Options of calls that texts can name. */
type Options = ParseSelectionOptions &
  PullOptions &
  PushAllOptions &
  RegistryClientOptions &
  ReadTagsOptions &
  CredentialsOptions &
  DiagnoseOptions &
  ServerOptions &
  PlanPruneOptions &
  PlanClientConfigOptions &
  RuntimeOptions &
  RuntimeOptions["proxy"] &
  RuntimeOptions["serve"];
/** Compiles only while every name is one of an option. */
const isReal = (name: OptionName): keyof Options | keyof ExportOptions => name;

describe("createFlagWords()", () => {
  test("has for every option that texts can name a flag that a command has", () => {
    const source = readFileSync(new URL("../../../src/option.ts", import.meta.url), "utf8");
    const [, union = ""] = /type OptionName =(.*?);/s.exec(source) ?? [];
    const names = [...union.matchAll(/"(\w+)"/g)].map(([, name]) => name as OptionName);
    expect(names.length).toBeGreaterThan(30);
    for (const name of names.map(isReal)) {
      expect(createFlagWords(undefined, COMMANDS)(`\`${name}\``)).toMatch(
        /^--[a-z-]+ \(mirror [a-z-]+\)$/,
      );
    }
  });

  test.each([
    ["pull", option("caFiles"), "--ca-file"],
    ["export", option("form"), "<form>"],
    ["cache", option("images"), "<images>"],
    ["wait", "`url`", "<url>"],
    ["serve", option("cacheDirectory"), "--cache"],
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
