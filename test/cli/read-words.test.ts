import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands/list.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { readWords } from "../../src/cli/read-words.ts";
import { runInProcess } from "../support/run-cli.ts";

const FLAGS = {
  module: { type: "list", describe: "", alias: ["m", "mod"] },
  password: { type: "string", describe: "", alias: "p" },
  force: { type: "boolean", describe: "" },
} as const;

function read(...words: readonly string[]) {
  return readWords(words, {
    name: "x",
    flags: FLAGS,
    positionals: [{ name: "bundle", describe: "" }],
  });
}

describe("readWords()", () => {
  test.each<[string, readonly string[], object]>([
    ["a long flag", ["--module", "foo", "b"], { bundle: "b", module: "foo" }],
    ["an attached value", ["--module=foo@=v1"], { module: "foo@=v1" }],
    ["a short flag", ["-m", "foo"], { module: "foo" }],
    ["a short flag with its value", ["-phunter2"], { password: "hunter2" }],
    ["a short flag with an equals sign", ["-m=foo@=v1"], { module: "foo@=v1" }],
    ["another name of a flag", ["--mod", "foo"], { module: "foo" }],
    ["an empty value", ["-p", ""], { password: "" }],
    ["a dash as value", ["-m", "-"], { module: "-" }],
    ["a value of several lines", ["-m", "a\nb"], { module: "a\nb" }],
    ["a flag several times, by any of its names", ["-m", "a", "--mod=b"], { module: ["a", "b"] }],
    ["a switch", ["--force", "b"], { bundle: "b", force: true }],
    ["a switch that is off", ["--force=false"], { force: false }],
    ["a switch with its value behind it", ["--force", "false", "b"], { bundle: "b", force: false }],
    ["what stands behind two dashes", ["--force", "--", "--b"], { bundle: "--b", force: true }],
  ])("reads %s", (_, words, expected) => {
    expect(read(...words)).toEqual(expected);
  });

  test("gives a list all words that are left", () => {
    const positionals = [
      { name: "from", describe: "" },
      { name: "images", describe: "", isList: true },
    ] as const;
    const readList = (...words: readonly string[]) =>
      readWords(words, { name: "x", flags: FLAGS, positionals });
    expect(readList("a", "--force", "b", "c")).toEqual({
      from: "a",
      images: ["b", "c"],
      force: true,
    });
    expect(readList("a")).toEqual({ from: "a" });
  });

  test.each<[string, readonly string[], RegExp, string | RegExp]>([
    ["a misspelt flag", ["--modlue", "x"], /--modlue: "mirror x" has no/, "Did you mean --module?"],
    ["a flag with one dash", ["-force"], /-force: .* no such/, "Did you mean --force?"],
    ["letters that are no flag", ["-xhunter2"], /^Cannot use -x: .* no such/, /mirror x --help/],
    ["a missing value", ["b", "-m"], /-m: its value is missing/, /--module=VALUE/],
    ["a flag as value", ["-m", "--force"], /-m: its value is missing/, /--module=VALUE/],
    ["a switch with another value", ["--force=yes"], /neither true nor false/, /--force alone/],
    ["two arguments", ["b", "hunter2"], /Argument 2 is one too many/, /passwords/],
  ])("refuses %s", (_, words, message, hint) => {
    expect(() => read(...words)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      }),
    );
  });

  test("gives words that the parser takes as they are meant", async () => {
    const words = ["push", "./b", "r.test/x", "-phunter2", "-uada"];
    const parsed = await parseCommandLine(words, { commands: COMMANDS, columns: 80 });
    expect(parsed).toMatchObject({
      argv: { bundle: "./b", target: "r.test/x", "registry-password": "hunter2" },
    });
  });
});

describe("A secret in the wrong place", () => {
  test.each<readonly string[]>([
    ["hunter2"],
    ["pull", "./b", "hunter2"],
    ["push", "./b", "r.test/x", "-u", "ada", "hunter2"],
    ["login", "r.test", "-phunter2"],
    ["verify", "./b", "--json=hunter2"],
    ["--password=hunter2", "pull", "./b"],
  ])("is not repeated: %j", async (...words) => {
    const { status, stdout, stderr } = await runInProcess(words);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error: .*\nhint: /);
    expect(stderr).not.toContain("hunter2");
  });
});
