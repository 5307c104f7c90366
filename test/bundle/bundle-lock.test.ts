import { mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { lockForWriting, refuseWhileWritten } from "../../src/bundle/bundle-lock.ts";
import { lockFile } from "../../src/io/file-lock.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const LOCKED = { code: "TARGET_LOCKED", holder: `process ${process.pid} on "${hostname()}"` };

async function openBundleDirectory() {
  const directory = await openTempDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  const state = directory.resolve(".mirror");
  await mkdir(state);
  return { path: directory.path, state };
}

describe("lockForWriting()", () => {
  test("is refused while the bundle is pushed", async () => {
    const { path, state } = await openBundleDirectory();
    await using _push = await lockFile(join(state, "push-0123.lock"), "a push");
    await expect(lockForWriting(path)).rejects.toMatchObject(LOCKED);
    expect(await readdir(state)).toEqual(["push-0123.lock"]);
  });

  test("is not held up by a push that was killed, whose sessions stay", async () => {
    const { path, state } = await openBundleDirectory();
    const { stdout: pid } = await runProcess(process.execPath, ["-p", "process.pid"]);
    const holder = { pid: Number(pid), host: hostname(), started: "", id: "x" };
    await writeFile(join(state, "push-1.lock"), JSON.stringify(holder));
    await writeFile(join(state, "push-1.journal"), "");
    await using _writer = await lockForWriting(path);
    expect((await readdir(state)).sort()).toEqual(["lock", "push-1.journal", "push-1.lock"]);
  });
});

describe("refuseWhileWritten()", () => {
  test("refuses while the bundle is written, and not afterwards", async () => {
    const { path, state } = await openBundleDirectory();
    {
      await using _writer = await lockForWriting(path);
      await expect(refuseWhileWritten(path)).rejects.toMatchObject(LOCKED);
    }
    await refuseWhileWritten(path);
    expect(await readdir(state)).toEqual([]);
  });
});
