import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands/list.ts";
import { resolveFlags } from "../../src/cli/options/flag.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";

async function flagsOf(...words: readonly string[]) {
  const parsed = await parseCommandLine(words, { commands: COMMANDS, columns: 80 });
  if (parsed.kind !== "command") throw new Error(parsed.text);
  const { command, argv } = parsed;
  return { ...resolveFlags(command.flags, { argv, env: {}, config: {} }), bundle: argv["bundle"] };
}

describe("parseCommandLine()", () => {
  test.each<[string, readonly string[], object]>([
    [
      "keeps a range in one piece",
      ["-i", "foo@>=1.1.0 <1.3.0"],
      { "include-module": ["foo@>=1.1.0 <1.3.0"] },
    ],
    [
      "keeps a range behind an equals sign",
      ["-i=foo@=v1.3.0+stable"],
      { "include-module": ["foo@=v1.3.0+stable"] },
    ],
    [
      "collects repeated flags",
      ["-i", "foo", "--include-module", "bar"],
      { "include-module": ["foo", "bar"] },
    ],
    [
      "tells --platform from --no-platform",
      ["--no-platform", "--platform", "linux/amd64"],
      { "no-platform": true, platform: ["linux/amd64"] },
    ],
    ["takes --no-modules as a flag of its own", ["--no-modules"], { "no-modules": true }],
    [
      "takes --no-security-db and --no-pull-resume",
      ["--no-security-db", "--no-pull-resume"],
      { "no-security-db": true, "no-pull-resume": true },
    ],
    [
      "does not make a number of a chunk size",
      ["-c", "0.0050"],
      { "images-bundle-chunk-size": "0.0050" },
    ],
    ["does not make a number of a tag", ["-i", "1.30"], { "include-module": ["1.30"] }],
    ["takes - as the name of stdin", ["--images-from", "-"], { "images-from": ["-"] }],
    ["takes a boolean with its value", ["--force=false"], { force: false }],
  ])("%s", async (_what, words, flags) => {
    expect(await flagsOf("pull", "./b", ...words)).toEqual({ ...flags, bundle: "./b" });
  });

  test("does not take the bundle for one more module", async () => {
    expect(await flagsOf("pull", "-i", "foo", "./b")).toEqual({
      "include-module": ["foo"],
      bundle: "./b",
    });
  });

  test("keeps a bundle that is called like a number", async () => {
    expect(await flagsOf("pull", "007")).toEqual({ bundle: "007" });
  });

  test("leaves an optional argument out", async () => {
    expect(await flagsOf("plan")).toEqual({ bundle: undefined });
  });

  test("says which argument is missing", async () => {
    await expect(parseCommandLine(["push"], { commands: COMMANDS, columns: 80 })).rejects.toThrow(
      "Argument missing: mirror push <bundle> [target]",
    );
  });

  test.each<[string, readonly string[], RegExp]>([
    ["its version", ["--version"], /^\d+\.\d+\.\d+\S*\n$/],
    ["its version in a command", ["pull", "--version"], /^\d+\.\d+\.\d+\S*\n$/],
    ["its help without any word", [], /^Usage: mirror <command>/],
    ["its help rather than its version", ["--version", "-h"], /^Usage: mirror <command>/],
    ["the help of a command", ["push", "--help"], /^mirror push <bundle> \[target\]\n/],
    ["the help of a command in another order", ["--help", "push"], /^mirror push <bundle>/],
    ["the help of a command in words", ["help", "push"], /^mirror push <bundle>/],
  ])("tells %s", async (_what, words, text) => {
    const parsed = await parseCommandLine(words, { commands: COMMANDS, columns: 80 });
    expect(parsed).toEqual({ kind: "text", text: expect.stringMatching(text) });
  });
});
