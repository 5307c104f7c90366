import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { runMirror } from "../support/cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const PRELOAD = fileURLToPath(new URL("../support/fat-names.mjs", import.meta.url));

test.each([
  ["EINVAL", "takes no colon in a name"],
  ["ENOENT", "takes no colon in a name"],
  ["", "has no links"],
])("mirror export static says what a medium with FAT lacks, %s", async (code, reason) => {
  await using directory = await openTempDirectory();
  await writeSampleBundle(directory.resolve("bundle"));
  const args = ["export", "static", "bundle", "--out", "tree"];
  const env = { NODE_OPTIONS: `--import ${PRELOAD}`, FAT_CODE: code };
  const { exitCode, stderr } = await runMirror(args, { cwd: directory.path, env });
  expect(stderr).toContain(`this file system ${reason}`);
  expect(stderr).toMatch(/hint: .*carry the bundle/);
  expect(exitCode).toBe(2);
  expect(await readdir(directory.path)).toEqual(["bundle"]);
});
