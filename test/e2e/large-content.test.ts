import { execFile } from "node:child_process";
import { appendFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { formatLogRecord } from "../../src/io/append-log.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { readPinnedPlan, statePaths } from "../../src/pull/directory/pull-state.ts";
import { planWork } from "../../src/pull/directory/transfer-plan.ts";
import type { PullSummary } from "../../src/pull/pull-options.ts";
import type { VerifyReport } from "../../src/verify/report.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { startSyntheticRegistry } from "../support/synthetic-registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const MIB = 1024 ** 2;
/** Behind all that 31 and 32 bits can count. */
const LAYER_BYTES = 4096 * MIB + 96 * MIB + 7;
/** A layer whose entry begins behind the other one. */
const BEHIND = Buffer.from("behind the zeros");
const WRITTEN_BYTES = 4096 * MIB + 64 * MIB;

/** What an interrupted pull has written of the layer is a hole: its bytes are right, and take nothing of the disk. */
async function pretendWritten(bundlePath: string): Promise<void> {
  const paths = statePaths(bundlePath);
  const plan = await readPinnedPlan(paths.plan);
  if (!plan) throw new Error("the pull was ended before it had a plan");
  const { plans, tasks } = planWork(plan);
  const layer = [...tasks].find(({ size }) => size === LAYER_BYTES);
  await truncate(join(bundlePath, "images.tar.partial"), plans[0]?.size);
  await appendFile(paths.journal, formatLogRecord({ m: layer?.id, n: WRITTEN_BYTES }));
}

async function run<Result>(...args: readonly string[]): Promise<Result> {
  const result = await runMirror([...args, "--json"]);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return JSON.parse(result.stdout) as Result;
}

/** The last bytes of the layer, by their position, and all of the one whose entry begins behind it. */
async function expectServed(
  bundlePath: string,
  { host, repository, digest }: { host: string; repository: string; digest: string },
): Promise<void> {
  await using server = await startMirror(["serve", bundlePath, "--listen", "127.0.0.1:0"]);
  const [, address = ""] = await server.waitFor(/"url":"([^"]+)"/);
  const range = `bytes=${LAYER_BYTES - 10}-`;
  const answer = await fetch(`${address}/v2/${repository}/blobs/${digest}?ns=${host}`, {
    headers: { range },
  });
  expect(answer.headers.get("content-range")).toBe(
    `bytes ${LAYER_BYTES - 10}-${LAYER_BYTES - 1}/${LAYER_BYTES}`,
  );
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.alloc(10));
  const behind = await fetch(`${address}/v2/${repository}/blobs/${digestOf(BEHIND)}?ns=${host}`);
  expect(Buffer.from(await behind.arrayBuffer())).toEqual(BEHIND);
}

/** The entries of a compressed archive, as tar sees them: its bytes are zeros, so that it takes little of the disk. */
async function expectExported(bundlePath: string, out: string): Promise<void> {
  await run("export", "docker-archive", bundlePath, "--out", out, "--compress", "gzip");
  const list = 'gzip -dc "$1" | tar -tvR --full-time';
  const { stdout } = await promisify(execFile)("sh", ["-c", list, "sh", out]);
  const entries = stdout.split("\n").flatMap((line) => {
    const found = /^block (\d+): \S+ \S+ +(\d+) /.exec(line);
    return found ? [{ offset: Number(found[1]) * 512, size: Number(found[2]) }] : [];
  });
  expect(entries).toContainEqual(expect.objectContaining({ size: LAYER_BYTES }));
  const behind = entries.find(({ size }) => size === BEHIND.length);
  expect(behind?.offset).toBeGreaterThan(LAYER_BYTES);
}

test("goes on, verifies, serves, exports and pushes behind 4 GiB of one layer", async () => {
  await using directory = await openTempDirectory();
  await using registry = await startSyntheticRegistry({ zeros: LAYER_BYTES, pause: 8 * MIB });
  const bundlePath = directory.resolve("bundle");
  const words = ["pull", bundlePath, "--include-image", `${registry.host}/zeros:v1`];
  let digest = "";
  {
    await using pulling = await startMirror([...words, "--progress", "json"]);
    [, digest = ""] = await pulling.waitFor(
      new RegExp(`"blob-started","digest":"([^"]+)","size":${LAYER_BYTES}`),
    );
  }
  await pretendWritten(bundlePath);
  const pulled = await run<PullSummary>(...words);
  expect(pulled.fetchedBytes).toBeGreaterThanOrEqual(LAYER_BYTES - WRITTEN_BYTES);
  expect(pulled.fetchedBytes).toBeLessThan(LAYER_BYTES - WRITTEN_BYTES + MIB);
  const { size, blocks } = await stat(join(bundlePath, "images.tar"));
  expect(size).toBe(pulled.bytes);
  // Nothing of it was written again
  expect(blocks * 512).toBeLessThan(LAYER_BYTES / 8);

  expect(await run<VerifyReport>("verify", bundlePath)).toMatchObject({ complete: true });
  await expectServed(bundlePath, { host: registry.host, repository: "zeros", digest });
  await expectExported(bundlePath, directory.resolve("archive.tar.gz"));

  const receipt = directory.resolve("receipt.json");
  await run("push", bundlePath, `${registry.host}/target`, "--receipt", receipt);
  const repository = pulled.manifest?.packages[0]?.layouts[0]?.images[0]?.repository;
  for (const [pushed, size] of [
    [digest, LAYER_BYTES],
    [digestOf(BEHIND), BEHIND.length],
  ]) {
    const blob = `http://${registry.host}/v2/target/${repository}/blobs/${pushed}`;
    const { headers } = await fetch(blob, { method: "HEAD" });
    expect(headers.get("content-length")).toBe(String(size));
  }
}, 300_000);
