import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = new URL("..", import.meta.url).pathname;

/** What a reader of the project finds first. */
const TOP_LEVEL = [
  ...[
    ".ci",
    ".dockerignore",
    ".gitignore",
    ".npmrc",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
  ],
  ...[
    "README.md",
    "SECURITY.md",
    "biome.json",
    "docs",
    "fixtures",
    "package-lock.json",
    "package.json",
  ],
  ...["src", "test", "tsconfig.json"],
];

/** Programs of every Debian. */
const ESSENTIAL: ReadonlySet<string> = new Set([
  ...["bash", "gzip", "iconv", "ln", "mkfifo", "mv", "sed", "sh", "sha256sum", "tar"],
]);

test("every program that tests require is installed where they run", () => {
  const script = readFileSync(join(ROOT, ".ci/run"), "utf8");
  const [, table = ""] = /^declare -A packages=\((.*?)^\)/ms.exec(script) ?? [];
  const installed = new Set([...table.matchAll(/\[(\S+)\]=/g)].map(([, program]) => program));
  const required = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts"))
    .flatMap((path) => programsOf(readFileSync(join(ROOT, "test", path), "utf8")));
  expect(required).toContain("skopeo");
  const missing = required.filter((name) => !installed.has(name) && !ESSENTIAL.has(name));
  expect([...new Set(missing)]).toEqual([]);
});

test.skipIf(!existsSync(join(ROOT, ".git")))("nothing is committed beside the project", () => {
  const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" });
  const names = new Set(
    tracked
      .split("\0")
      .flatMap((path) => path.split("/", 1))
      .filter(Boolean),
  );
  expect([...names].sort()).toEqual([...TOP_LEVEL].sort());
});

function programsOf(source: string): readonly string[] {
  const calls = source.matchAll(/\b(?:require(?:Tool|Daemon)|findTool)\(((?:"[^"]+",?\s*)+)\)/g);
  return [...calls].flatMap(([, list = ""]) =>
    [...list.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name),
  );
}
