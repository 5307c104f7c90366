import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DIST = join(ROOT, "dist");

/** What `file` of dist/ needs before it can run: itself and its imports, but nothing that is imported later. */
async function loadedWith(file: string, loaded = new Map<string, string>()) {
  if (loaded.has(file)) return loaded;
  const text = await readFile(join(DIST, file), "utf8");
  loaded.set(file, text);
  for (const [, part = ""] of text.matchAll(/^(?:import|export)\b[^;]*?"\.\/([^"]+)";$/gm)) {
    await loadedWith(part, loaded);
  }
  return loaded;
}

/** The part of dist/ that has the action of a command. */
async function partOfAction(name: string): Promise<string> {
  const action = `\n// dist/cli/actions/${name}.js\n`;
  for (const file of await readdir(DIST)) {
    if (!/^mirror-.*\.js$/.test(file)) continue;
    if ((await readFile(join(DIST, file), "utf8")).includes(action)) return file;
  }
  throw new Error(`no part of the program has ${action.trim()}`);
}

const hasHttpClient = (loaded: ReadonlyMap<string, string>) =>
  [...loaded.values()].some((text) =>
    /node_modules\/undici\/|\n\/\/ dist\/registry\/wire\/wire-exchange\.js\n/.test(text),
  );

describe("the program", () => {
  test("says its version without what talks to registries", async () => {
    const start = await readFile(join(DIST, "mirror.js"), "utf8");
    const [, runner = ""] = /import\("\.\/(mirror-run-[^"]+)"\)/.exec(start) ?? [];
    const loaded = await loadedWith(runner, await loadedWith("mirror.js"));
    expect(hasHttpClient(loaded)).toBe(false);
    const bytes = [...loaded.values()].reduce((sum, text) => sum + text.length, 0);
    expect(bytes).toBeLessThan(400_000);
  });

  test("loads what talks to registries for commands that do, and for no others", async () => {
    for (const name of ["pull", "push", "wait"]) {
      expect([name, hasHttpClient(await loadedWith(await partOfAction(name)))]).toEqual([
        name,
        true,
      ]);
    }
    for (const name of ["verify", "inspect", "completion", "version"]) {
      expect([name, hasHttpClient(await loadedWith(await partOfAction(name)))]).toEqual([
        name,
        false,
      ]);
    }
  });

  test("does its whole job without any package beside it", async () => {
    await using directory = await openTempDirectory();
    const alone = directory.resolve("alone");
    await mkdir(alone);
    await cp(DIST, join(alone, "dist"), { recursive: true });
    await cp(join(ROOT, "package.json"), join(alone, "package.json"));
    const demo = await runProcess(
      process.execPath,
      [join(alone, "dist/mirror.js"), "demo", "--json"],
      { cwd: alone },
    );
    expect(demo.exitCode).toBe(0);
    expect(JSON.parse(demo.stdout)).toMatchObject({ complete: true });
  });

  test("never optimizes the parser of HTTP, which its end would wait for", async () => {
    const demo = await runProcess(process.execPath, [
      "--trace-wasm-compilation-times",
      join(DIST, "mirror.js"),
      "demo",
    ]);
    expect(demo.exitCode).toBe(0);
    const compiled = `${demo.stdout}${demo.stderr}`.match(/using (?:Liftoff|TurboFan)/g) ?? [];
    expect([...new Set(compiled)]).toEqual(["using Liftoff"]);
  });

  test("carries the licence of every package that is part of it", async () => {
    const texts = await readFile(join(DIST, "LICENSES.txt"), "utf8");
    const { dependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    expect(Object.keys(dependencies)).not.toEqual([]);
    for (const [name, version] of Object.entries(dependencies)) {
      expect(texts).toContain(`${name} ${version} (`);
    }
    expect(
      texts.match(/permission is hereby granted|redistribution and use|apache license/gi)?.length,
    ).toBeGreaterThan(10);
  });
});
