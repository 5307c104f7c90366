import { chown, mkdir, readdir } from "node:fs/promises";
import * as nodeModule from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/mirror.js", import.meta.url));
const isKnown = "flushCompileCache" in nodeModule;
const isRoot = process.geteuid?.() === 0;
if (!isKnown) process.stderr.write(`Skipping tests: Node.js ${process.version} compiles anew\n`);

/** A user whose cache is in `cache`, and may not be there. */
async function openHome({ hasCache }: { readonly hasCache: boolean }) {
  const directory = await openTempDirectory();
  const cache = directory.resolve("cache/mirror");
  await mkdir(hasCache ? cache : directory.resolve("cache"), { recursive: true });
  const env = { PATH: process.env["PATH"], XDG_CACHE_HOME: directory.resolve("cache") };
  const mirror = async (words: readonly string[], extra: NodeJS.ProcessEnv = {}) => {
    const program = [PROGRAM, ...words];
    return await runProcess(process.execPath, program, { env: { ...env, ...extra } });
  };
  const compiled = async () => (await readdir(cache)).filter((name) => name === "compiled");
  return { cache, mirror, compiled, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

/** What the program says of what Node.js has compiled before. */
const TELLS = { NODE_DEBUG_NATIVE: "COMPILE_CACHE" };

describe.skipIf(!isKnown)("what Node.js compiles of the program", () => {
  test("is kept in the user's cache, and used by the next run", async () => {
    await using home = await openHome({ hasCache: true });
    await home.mirror(["--version"]);
    expect(await home.compiled()).toEqual(["compiled"]);
    const again = await home.mirror(["--version"], TELLS);
    expect(again.stderr).toMatch(/mirror-run-\S+ was accepted/);
  });

  test("is kept by a run that changes the settings of V8, too", async () => {
    await using home = await openHome({ hasCache: true });
    const words = ["wait", "127.0.0.1:1", "--timeout", "1s"];
    await home.mirror(words);
    const again = await home.mirror(words, TELLS);
    expect(again.stderr).toMatch(/mirror-run-\S+ was accepted/);
    expect(again.stderr).not.toMatch(/was rejected|writing cache/);
  });

  test("is not kept where there is no cache, nor by serve", async () => {
    await using none = await openHome({ hasCache: false });
    await none.mirror(["--version"]);
    await expect(readdir(none.cache)).rejects.toThrow("ENOENT");
    await using home = await openHome({ hasCache: true });
    await home.mirror(["serve", "--help"]);
    expect(await home.compiled()).toEqual([]);
  });

  test.skipIf(!isRoot)("is not kept, nor run, in the cache of somebody else", async () => {
    await using home = await openHome({ hasCache: true });
    await chown(home.cache, 65534, 65534);
    await home.mirror(["--version"]);
    expect(await home.compiled()).toEqual([]);
  });

  test("goes with cache clear", async () => {
    await using home = await openHome({ hasCache: true });
    await home.mirror(["--version"]);
    const { exitCode } = await home.mirror(["cache", "clear"]);
    expect(exitCode).toBe(0);
    const left = await readdir(join(home.cache, "compiled"), { recursive: true }).catch(() => []);
    expect(left).toEqual([]);
  });
});

test("cache clear leaves a directory of that name alone where another cache is named", async () => {
  await using directory = await openTempDirectory();
  const other = directory.resolve("other");
  await mkdir(join(other, "compiled"), { recursive: true });
  const program = [PROGRAM, "cache", "clear", "--cache-dir", other];
  const env = { PATH: process.env["PATH"], XDG_CACHE_HOME: directory.resolve("cache") };
  const { exitCode } = await runProcess(process.execPath, program, { env });
  expect(exitCode).toBe(0);
  expect(await readdir(other)).toContain("compiled");
});
