import { mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  lockForReading,
  lockForWriting,
  refuseWhileWritten,
} from "../../src/bundle/bundle-lock.ts";
import { lockFile } from "../../src/io/file-lock.ts";
import { mountSmallFileSystem } from "../crash/support/small-file-system.ts";
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
  test("is refused while the bundle is read, and leaves nothing", async () => {
    const { path, state } = await openBundleDirectory();
    {
      await using _reader = await lockForReading(path);
      await expect(lockForWriting(path)).rejects.toMatchObject(LOCKED);
      expect(await readdir(state)).toEqual([expect.stringMatching(/^read-.*\.lock$/)]);
    }
    await mkdir(state, { recursive: true });
    await using _writer = await lockForWriting(path);
  });

  test("is refused while the bundle is pushed", async () => {
    const { path, state } = await openBundleDirectory();
    await using _push = await lockFile(join(state, "push-0123.lock"), "a push");
    await expect(lockForWriting(path)).rejects.toMatchObject(LOCKED);
  });

  test("removes what a killed reader has left", async () => {
    const { path, state } = await openBundleDirectory();
    const { stdout: pid } = await runProcess(process.execPath, ["-p", "process.pid"]);
    const holder = { pid: Number(pid), host: hostname(), started: "", id: "x" };
    await writeFile(join(state, "read-1.lock"), JSON.stringify(holder));
    await using _writer = await lockForWriting(path);
    expect(await readdir(state)).toEqual(["lock"]);
  });
});

describe("lockForReading()", () => {
  test("is refused while the bundle is written, and leaves nothing", async () => {
    const { path, state } = await openBundleDirectory();
    await using _writer = await lockForWriting(path);
    await expect(lockForReading(path)).rejects.toMatchObject(LOCKED);
    await expect(refuseWhileWritten(path)).rejects.toMatchObject(LOCKED);
    expect(await readdir(state)).toEqual(["lock"]);
  });

  test("does not keep other readers away, and leaves nothing", async () => {
    const { path } = await openBundleDirectory();
    {
      await using _first = await lockForReading(path);
      await using _second = await lockForReading(path);
    }
    expect(await readdir(path)).toEqual([]);
  });

  test("does without a lock where nothing can be written", async (context) => {
    await using disk = await mountSmallFileSystem(1024 * 1024);
    if (disk === undefined) return context.skip();
    await disk.makeReadOnly();
    expect(await lockForReading(disk.path)).toBeUndefined();
  });
});
