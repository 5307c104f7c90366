import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const MIB = 1024 * 1024;
/** In the middle of a layer. */
const CHUNK = "images.tar.0001.chunk";

let directory: TempDirectory;
let registry: FaultRegistry;
let flags: readonly string[];
let whole: Record<string, string>;

/** Little is moved by the main thread, much by threads of its own. */
const AMOUNTS = [
  { what: "little", mib: 3, chunk: "1MiB" },
  { what: "much", mib: 66, chunk: "30MiB" },
];

function prepare({ mib, chunk }: (typeof AMOUNTS)[number]): void {
  beforeAll(async () => {
    directory = await openTempDirectory();
    registry = await startFaultRegistry();
    seed(registry, "acme/web", { v1: image({ layers: [randomLayer(mib * MIB, 51)] }) });
    flags = ["--include-image", `${registry.host}/acme/web:v1`, "-c", chunk];
    const { exitCode, stderr } = await runMirror(["pull", directory.resolve("whole"), ...flags]);
    expect(exitCode, stderr).toBe(0);
    whole = await hashFiles(directory.resolve("whole"));
  });

  afterAll(async () => {
    await registry?.close();
    await directory?.[Symbol.asyncDispose]();
  });
}

interface Failing {
  readonly code: string;
  readonly at: "open" | "read" | "write" | "datasync";
  readonly file: string;
}

function runFailing(args: readonly string[], { code, at, file }: Failing) {
  const env = {
    NODE_OPTIONS: `--import ${PRELOAD}`,
    FAIL_CODE: code,
    FAIL_AT: at,
    FAIL_PATH: file,
  };
  return runMirror(args, { env, cwd: directory.path });
}

type Row = readonly [
  code: string,
  at: Failing["at"],
  reason: string,
  hint: string,
  exitCode: number,
];

describe.each(AMOUNTS)("mirror pull of $what", (amount) => {
  prepare(amount);

  test.each<Row>([
    ["EIO", "write", "input/output error", "Check the medium", 32],
    ["EROFS", "write", "the file system is read-only", "Mount it for writing", 32],
    ["ENOSPC", "datasync", "no space is left", "Free space", 31],
    ["ENOENT", "open", "removed meanwhile", "still mounted", 32],
  ])("names the file after %s of %s, and the rerun goes on", async (code, at, ...expected) => {
    const [reason, hint, status] = expected;
    const bundle = directory.resolve(`${code}-${at}`);
    const args = ["pull", bundle, ...flags];
    const failed = await runFailing(args, { code, at, file: `${CHUNK}.partial` });
    expect(failed.stderr).toMatch(new RegExp(`error: .*${CHUNK}.*${reason}`));
    expect(failed.stderr).toMatch(new RegExp(`hint: .*${hint}`));
    expect(failed.exitCode).toBe(status);
    const again = await runMirror(args);
    expect(again.exitCode, again.stderr).toBe(0);
    expect(await hashFiles(bundle)).toEqual(whole);
  });
});

describe.each([
  // Other images could still be pushed
  ["push", 3, AMOUNTS[0]],
  ["push", 3, AMOUNTS[1]],
  ["verify", 32, AMOUNTS[0]],
] as const)("mirror %s", (command, status, amount) => {
  if (amount) prepare(amount);

  test.each<Row>([
    ["EIO", "read", "input/output error", "Check the medium", status],
    ["ENOENT", "open", "removed meanwhile", "still mounted", status],
  ])("names the file after %s of %s, and what suffers from it", async (code, at, ...expected) => {
    const [reason, hint, exitCode] = expected;
    const bundle = directory.resolve(`${command}-${code}`);
    await cp(directory.resolve("whole"), bundle, { recursive: true });
    const target = command === "push" ? [`${registry.host}/${code.toLowerCase()}`] : [];
    const args = [command, bundle, ...target];
    const failed = await runFailing(args, { code, at, file: CHUNK });
    const output = failed.stdout + failed.stderr;
    expect(output).toMatch(new RegExp(`${CHUNK}.*${reason}`));
    expect(output).toMatch(new RegExp(`hint: .*${hint}`));
    expect(output).toContain("acme/web");
    expect(failed.exitCode).toBe(exitCode);
    const again = await runMirror(args, { cwd: directory.path });
    expect(again.exitCode, again.stderr).toBe(0);
  });
});

const PRELOAD = fileURLToPath(new URL("../support/fail-disk.mjs", import.meta.url));
