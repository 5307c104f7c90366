import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { seedCatalogue } from "../src/demo/catalogue.ts";
import { openEmbeddedRegistry } from "../src/server/embedded-registry.ts";
import { runProcess } from "./support/run-process.ts";
import { openTempDirectory } from "./support/temp-directory.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

describe("the library example of README.md", () => {
  test("compiles against the published types and does what it says", async () => {
    await using source = await openEmbeddedRegistry();
    await using target = await openEmbeddedRegistry();
    await using directory = await openTempDirectory();
    seedCatalogue(source);
    const hosts = { "registry.example.com": source.host, "registry.local": target.host };
    await writeProject(directory.path, { "example.ts": withHosts(await readExample(), hosts) });

    const compiled = await runProcess(process.execPath, [TSC, "-p", "."], { cwd: directory.path });
    expect(compiled.stdout).toBe("");
    const run = await runProcess(process.execPath, ["example.js"], { cwd: directory.path });

    expect(run.stderr).toBe("");
    expect(run.stdout).toMatch(/^finished module-foo\n\d+ tags read back, complete: true\n$/);
  });
});

test("every snippet of docs/library.md compiles against the published types", async () => {
  await using directory = await openTempDirectory();
  const text = await readFile(join(ROOT, "docs/library.md"), "utf8");
  const snippets = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, snippet = ""]) => snippet);
  expect(snippets.length).toBeGreaterThan(5);
  const files = snippets.map((snippet, index) => [`snippet-${index}.ts`, snippet] as const);
  await writeProject(directory.path, Object.fromEntries(files));
  const compiled = await runProcess(process.execPath, [TSC, "-p", "."], { cwd: directory.path });
  expect(compiled.stdout).toBe("");
});

/** A project that has this package as a dependency: `npm run build` has to come first. */
async function writeProject(path: string, files: Readonly<Record<string, string>>): Promise<void> {
  const options = {
    module: "nodenext",
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    strict: true,
    skipLibCheck: true,
  };
  await mkdir(join(path, "node_modules"));
  await symlink(ROOT, join(path, "node_modules/airgap-mirror"));
  await symlink(join(ROOT, "node_modules/@types"), join(path, "node_modules/@types"));
  await writeFile(join(path, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(join(path, "tsconfig.json"), JSON.stringify({ compilerOptions: options }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
}

async function readExample(): Promise<string> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const [, example] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  if (example === undefined) throw new Error("README.md has no example");
  return example;
}

function withHosts(example: string, hosts: Readonly<Record<string, string>>): string {
  return Object.entries(hosts).reduce((text, [name, host]) => text.replaceAll(name, host), example);
}
