import { cp, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { runMirror } from "../support/cli.ts";
import { allTests } from "../support/fixture.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { flagsOf, startSampleSource } from "./support/sample-source.ts";

const PRELOAD = fileURLToPath(new URL("../support/keep-open-files.mjs", import.meta.url));

/** Files of an undisturbed bundle. */
let whole: Record<string, string>;

const directory = allTests(openTempDirectory);
const source = allTests(startSampleSource);

beforeAll(async () => {
  const bundle = directory.resolve("whole");
  const { exitCode, stderr } = await runMirror(["pull", bundle, ...flagsOf(source.wishes)]);
  expect(exitCode, stderr).toBe(0);
  whole = await hashFiles(bundle);
});

/** As on NFS, exFAT and NTFS. */
function runOnMedium(args: readonly string[]) {
  return runMirror(args, { env: { NODE_OPTIONS: `--import ${PRELOAD}` }, cwd: directory.path });
}

describe.runIf(process.platform === "linux")(
  "where removed files stay until they are closed",
  () => {
    test("a pull is complete, and leaves nothing beside the bundle", async () => {
      const bundle = directory.resolve("fresh");
      const { exitCode, stderr } = await runOnMedium(["pull", bundle, ...flagsOf(source.wishes)]);
      expect(exitCode, stderr).toBe(0);
      expect(await hashFiles(bundle)).toEqual(whole);
      expect((await readdir(bundle)).filter((name) => name.startsWith("."))).toEqual([]);
    });

    test("a pull with --force takes over what is there", async () => {
      const bundle = directory.resolve("forced");
      await cp(directory.resolve("whole"), bundle, { recursive: true });
      const flags = [...flagsOf(source.otherWishes), "--force"];
      const { exitCode, stderr } = await runOnMedium(["pull", bundle, ...flags]);
      expect(exitCode, stderr).toBe(0);
      expect((await readdir(bundle)).filter((name) => name.startsWith("."))).toEqual([]);
    });
  },
);
