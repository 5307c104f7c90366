import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { exitCodeOf } from "../src/cli/exit-code.ts";
import { type ErrorCode, MirrorError } from "../src/errors.ts";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const sources = readdirSync(new URL("../src", import.meta.url), {
  recursive: true,
  encoding: "utf8",
})
  // What the servers answer are codes of the distribution API
  .filter((name) => name.endsWith(".ts") && !/^(?:server?|metrics)\//.test(name))
  .map((name) => read(`src/${name}`));
const [, codes = "", notices = ""] = read("docs/errors.md").split(/^## /m);

class AnyMirrorError extends MirrorError {
  override readonly code: ErrorCode;

  constructor(code: ErrorCode) {
    super("Cannot do it");
    this.code = code;
  }
}

/** Members of a union of literals, by the name of the type. */
function membersOf(type: string): readonly string[] {
  const pattern = new RegExp(`type ${type} =([^;]*);`);
  const [found] = sources.flatMap((text) => pattern.exec(text)?.[1] ?? []);
  return [...(found ?? "").matchAll(/"([A-Z_]+)"/g)].map(([, code = ""]) => code);
}

describe("docs/errors.md", () => {
  test("has every code with the status that the program ends with", () => {
    const rows = [...codes.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| \S.* \| \S.* \|$/gm)];
    expect(rows.map(([, code]) => code).sort()).toEqual([...membersOf("ErrorCode")].sort());
    for (const [, code, status] of rows) {
      expect(exitCodeOf(new AnyMirrorError(code as ErrorCode)), code).toBe(Number(status));
    }
  });

  test("has every code that a notice can have", () => {
    const told = sources.flatMap((text) => [
      ...[...text.matchAll(/code: "([A-Z_]+)",?\s+message/g)].map(([, code]) => code),
      ...[...text.matchAll(/(?:notice|warn)\(\s*"([A-Z_]+)"/g)].map(([, code]) => code),
    ]);
    const documented = [...notices.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, names = ""]) =>
      [...names.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code),
    );
    const known = new Set([...told, ...membersOf("SelectionNoticeCode")]);
    known.delete("INTERRUPTED");
    expect([...known].filter((code) => !documented.includes(code))).toEqual([]);
    expect(documented).toEqual([...new Set(documented)]);
  });
});
