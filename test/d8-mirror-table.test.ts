import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PULL_COMMAND } from "../src/cli/commands/pull.ts";
import { PUSH_COMMAND } from "../src/cli/commands/push.ts";
import type { FlagTable } from "../src/cli/options/flag.ts";

/** Flags of the commands of `d8 mirror` v0.33.11, without `--help`. */
const D8_FLAGS = {
  pull: [
    "--deckhouse-tag",
    "--dry-run",
    "--exclude-module",
    "--exclude-package",
    "--force",
    "--gost-digest",
    "--ignore-suspend",
    "--images-bundle-chunk-size",
    "--include-module",
    "--include-package",
    "--include-platform",
    "--include-plugin",
    "--insecure",
    "--installer-tag",
    "--license",
    "--modules-path-suffix",
    "--no-installer",
    "--no-modules",
    "--no-packages",
    "--no-platform",
    "--no-pull-resume",
    "--no-security-db",
    "--only-extra-images",
    "--proxy-registry",
    "--since-version",
    "--skip-vex-images",
    "--source",
    "--source-login",
    "--source-password",
    "--tls-skip-verify",
    "--tmp-dir",
    "--verbose-summary",
  ],
  push: [
    "--file",
    "--insecure",
    "--modules-path-suffix",
    "--registry-login",
    "--registry-password",
    "--tls-skip-verify",
    "--tmp-dir",
  ],
} as const;

const page = readFileSync(new URL("../docs/d8-mirror.md", import.meta.url), "utf8");

describe("docs/d8-mirror.md", () => {
  test.each([
    ["pull", PULL_COMMAND.flags],
    ["push", PUSH_COMMAND.flags],
  ] as const)("has the flags that mirror %s has, and mirror has those of d8", (command, table) => {
    const known = namesOf(table);
    const named = sectionOf(`Flags of \`${command}\``).flatMap(([first = ""]) => flagsIn(first));
    expect(named.filter((flag) => !known.has(flag))).toEqual([]);
    expect(D8_FLAGS[command].filter((flag) => !known.has(flag))).toEqual([]);
    const shared = ["--insecure", "--tls-skip-verify"];
    const mentioned = new Set([...named, ...shared]);
    expect(D8_FLAGS[command].filter((flag) => !mentioned.has(flag))).toEqual([]);
  });

  test("names flags that one of the programs has", () => {
    const known = new Set([...namesOf(PULL_COMMAND.flags), ...namesOf(PUSH_COMMAND.flags)]);
    expect(flagsIn(page).filter((flag) => !known.has(flag))).toEqual([]);
  });

  test("names tests that exist", () => {
    const files = rowsOf(page).flatMap(([, ...cells]) => cells.flatMap(testsIn));
    expect(files.length).toBeGreaterThan(60);
    const missing = files.filter(
      (file) => !existsSync(new URL(`${file}.test.ts`, import.meta.url)),
    );
    expect(missing).toEqual([]);
  });

  test("shows each row by a test, or says that none does", () => {
    // Rows of two cells tell of runs of other programs
    const shown = rowsOf(page).filter(({ length }) => length > 2);
    const rows = shown.filter(([first = ""]) => !/^W\d+$/.test(first));
    const bare = rows.filter((cells) => testsIn(cells.at(-1) ?? "").length === 0);
    expect(bare.filter((cells) => cells.at(-1) !== "–")).toEqual([]);
    expect(bare.map(([first]) => first)).toEqual(["`MIRROR_BYPASS_ACCESS_CHECKS`"]);
  });

  test("has a row for each of the thirty weaknesses", () => {
    const numbers = rowsOf(page).flatMap(([first = ""]) => /^W(\d+)$/.exec(first)?.[1] ?? []);
    expect(numbers.map(Number)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
  });
});

/** Names and aliases, with their dashes. */
function namesOf(table: FlagTable): ReadonlySet<string> {
  const names = Object.entries(table).flatMap(([name, { alias = [] }]) => [
    name,
    ...[alias].flat(),
  ]);
  return new Set(names.map((name) => (name.length === 1 ? `-${name}` : `--${name}`)));
}

function flagsIn(text: string): string[] {
  return [...text.matchAll(/(?<=`)--?[a-z][a-z-]*/g)].map(([flag]) => flag);
}

/** Names of tests stand in backticks: `selection/edition`. */
function testsIn(cell: string): string[] {
  return [...cell.matchAll(/`([a-z0-9-]+(?:\/[a-z0-9-]+)+)`/g)].flatMap(([, file = ""]) =>
    existsSync(new URL(file.split("/")[0] ?? "", import.meta.url)) ? [file] : [],
  );
}

function sectionOf(title: string): string[][] {
  const [, rest = ""] = page.split(`## ${title}\n`);
  return rowsOf(rest.split("\n## ")[0] ?? "");
}

/** The cells of all rows of tables, without heads and the rules below them. */
function rowsOf(text: string): string[][] {
  const lines = text.split("\n");
  const isRule = (line = "") => line.startsWith("| ---");
  return lines
    .filter((line, at) => line.startsWith("| ") && !isRule(line) && !isRule(lines[at + 1]))
    .map((line) => line.slice(1, -1).split("|"))
    .map((cells) => cells.map((cell) => cell.trim()));
}
