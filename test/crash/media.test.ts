import { cp, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { startCountingProxy } from "../support/counting-proxy.ts";
import { allTests } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { mountSmallFileSystem } from "../support/small-file-system.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const MIB = 1024 * 1024;
const BLOB = /\/blobs\/sha256:/;

let flags: readonly string[];
let whole: Record<string, string>;

const directory = allTests(openTempDirectory);
const source = allTests(startFaultRegistry);
const proxy = allTests(() => startCountingProxy(source.host));

beforeAll(async () => {
  const layers = [randomLayer(6 * MIB, 21), randomLayer(4 * MIB, 22)];
  seed(source, "acme/web", { v1: image({ layers }) });
  flags = ["--include-image", `${proxy.host}/acme/web:v1`];
  expect(await runMirror(["pull", directory.resolve("whole"), ...flags])).toMatchObject({
    exitCode: 0,
  });
  whole = await hashFiles(directory.resolve("whole"));
});

/** A pull that has got so far that bytes of blobs arrive; `release` lets it go on. */
async function startPull(bundle: string) {
  const held = proxy.hold({ afterBytes: 2 * MIB, direction: "response", path: BLOB });
  onTestFinished(() => proxy.release());
  const running = await startMirror(["pull", bundle, ...flags]);
  await held;
  return running;
}

describe("mirror pull", () => {
  test("says that the disk is full, and goes on when there is room", async (context) => {
    await using disk = await mountSmallFileSystem(40 * MIB);
    if (disk === undefined) return context.skip();
    const bundle = join(disk.path, "bundle");
    await using running = await startPull(bundle);
    await fill(join(disk.path, "other"));
    proxy.release();
    const { exitCode, stderr } = await running.finished;
    expect(stderr).toContain("no space is left");
    expect(stderr).toContain("Free space");
    expect(exitCode).toBe(31);
    await rm(join(disk.path, "other"));
    expect(await runMirror(["pull", bundle, ...flags])).toMatchObject({ exitCode: 0 });
    expect(await hashFiles(bundle)).toEqual(whole);
  });

  test("says that its directory has gone", async () => {
    const bundle = directory.resolve("vanishing");
    await using running = await startPull(bundle);
    await rename(bundle, directory.resolve("elsewhere"));
    proxy.release();
    const { exitCode, stderr } = await running.finished;
    expect(stderr).toContain("vanishing");
    expect(stderr).toContain("removed meanwhile");
    expect(exitCode).toBe(32);
    await rename(directory.resolve("elsewhere"), bundle);
    expect(await runMirror(["pull", bundle, ...flags])).toMatchObject({ exitCode: 0 });
    expect(await hashFiles(bundle)).toEqual(whole);
  });

  test("says that the file system is read-only", async (context) => {
    await using disk = await mountSmallFileSystem(MIB);
    if (disk === undefined) return context.skip();
    await disk.makeReadOnly();
    const { exitCode, stderr } = await runMirror(["pull", join(disk.path, "bundle"), ...flags]);
    expect(stderr).toContain("the file system is read-only");
    expect(stderr).toMatch(/^hint: Mount it for writing/m);
    expect(exitCode).toBe(32);
  });
});

describe("mirror push", () => {
  test("from a read-only medium keeps its state elsewhere, and nothing at the end", async (context) => {
    await using disk = await mountSmallFileSystem(40 * MIB);
    if (disk === undefined) return context.skip();
    await cp(directory.resolve("whole"), disk.path, { recursive: true });
    await disk.makeReadOnly();
    await using target = await startFaultRegistry();
    await using counted = await startCountingProxy(target.host);
    const state = directory.resolve("state");
    const options = { env: { XDG_STATE_HOME: state }, cwd: directory.path };
    const args = ["push", disk.path, `${counted.host}/mirror`];
    const held = counted.hold({ afterBytes: MIB, direction: "request", path: /uploads/ });
    {
      await using running = await startMirror(args, options);
      await held;
      expect((await readdir(join(state, "mirror"))).join()).toMatch(/push-\w+\.lock/);
      running.kill("SIGKILL");
      await running.finished;
    }
    counted.release();
    expect(await runMirror(args, options)).toMatchObject({ exitCode: 0 });
    expect(await readdir(state)).toEqual([]);
  });
});

describe("mirror push from a read-only medium with a read-only home", () => {
  test("goes on without a place for state, and says so", async (context) => {
    await using disk = await mountSmallFileSystem(40 * MIB);
    if (disk === undefined) return context.skip();
    await cp(directory.resolve("whole"), join(disk.path, "bundle"), { recursive: true });
    await disk.makeReadOnly();
    await using target = await startFaultRegistry();
    const receipt = directory.resolve("receipt-of-read-only.json");
    const args = ["push", join(disk.path, "bundle"), `${target.host}/mirror`, "--receipt", receipt];
    const env = { HOME: disk.path, XDG_STATE_HOME: join(disk.path, "state") };
    const { exitCode, stderr } = await runMirror(args, { cwd: directory.path, env });
    expect(exitCode, stderr).toBe(0);
    expect(stderr).not.toContain("gone");
    const { complete, notices } = JSON.parse(await readFile(receipt, "utf8"));
    expect(complete).toBe(true);
    expect(notices).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("read-only") }),
    );
  });
});

/** Writes until the disk is full. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "w");
  const full = async (): Promise<void> => {
    for (let size = 64 * 1024; size >= 1; size = Math.floor(size / 16)) {
      while ((await file.write(Buffer.alloc(size)).catch(() => undefined)) !== undefined);
    }
  };
  await full().finally(() => file.close());
}
