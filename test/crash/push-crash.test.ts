import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { readAppendLog } from "../../src/io/append-log.ts";
import type { Receipt } from "../../src/push/receipt/receipt.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror, startMirror } from "../support/cli.ts";
import { type CountingProxy, startCountingProxy } from "../support/counting-proxy.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { allTests } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { runProcess, startProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { createRandom, integerBelow, seedsFrom } from "./support/random.ts";
import { pullSample } from "./support/resume.ts";
import { watchUntil } from "./support/watch-until.ts";

const MIB = 1024 * 1024;
const PART_BYTES = MIB;
const SEED = 77;
const ROUNDS = 5;
/** More than the config of an image. */
const SMALL_BYTES = 4096;
const UPLOAD = /\/blobs\/uploads\//;

const layers = [randomLayer(6 * MIB + 66, 11), randomLayer(4 * MIB + 4, 12)];
const TOTAL_BYTES = 10 * MIB;

let bundle: string;
/** A bundle with one large blob. */
let single: string;

const directory = allTests(openTempDirectory);
const source = allTests(openEmbeddedRegistry);

beforeAll(async () => {
  seed(source, "acme/web", { v1: image({ layers }) });
  bundle = directory.resolve("bundle");
  single = directory.resolve("single");
  seed(source, "acme/single", { v1: image({ layers: layers.slice(0, 1) }) });
  await pullSample(bundle, { includeImages: [`${source.host}/acme/web:v1`] });
  await pullSample(single, { includeImages: [`${source.host}/acme/single:v1`] });
});

const seeds = seedsFrom(SEED, ROUNDS);
const positionOf = (seed: number) => integerBelow(TOTAL_BYTES, createRandom(seed));

/** A registry behind a proxy that the pushes of one test go to. */
interface Target extends AsyncDisposable {
  readonly proxy: CountingProxy;
}

async function startTarget(kind: "docker-registry" | "embedded"): Promise<Target> {
  const registry = kind === "embedded" ? await startFaultRegistry() : await startDockerRegistry();
  const proxy = await startCountingProxy(registry.host);
  return {
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

const WAYS = [
  { by: "its main thread", transferThreads: 0 },
  { by: "threads", transferThreads: 2 },
];
let threads = 0;

describe.each(WAYS)("push() by $by to a registry that keeps what arrived", (way) => {
  beforeAll(() => {
    threads = way.transferThreads;
  });

  test.each(seeds)("killed at a random byte sends the rest, seed %i", async (seed) => {
    await using target = await startTarget("embedded");
    await pushAndKill(target, positionOf(seed));
    const sent = target.proxy.uploadedBytes;
    await pushAgain(target);
    // What the registry had not written when the connection broke
    expect(sent + target.proxy.uploadedBytes).toBeLessThanOrEqual(
      sizeOfBlobs() + layers.length * PART_BYTES,
    );
    await expectPushed(target);
  });
});

describe("mirror push", () => {
  test("says after a kill what was sent before it, and counts every blob", async () => {
    await using target = await startTarget("embedded");
    const args = ["push", bundle, `${target.proxy.host}/mirror`, "--part-size", "1MiB"];
    const options = { cwd: directory.path };
    const held = target.proxy.hold({ afterBytes: 5 * MIB, direction: "request", path: UPLOAD });
    {
      await using running = await startMirror(args, options);
      await held;
      running.kill("SIGKILL");
      await running.finished;
      target.proxy.drop();
    }
    const { exitCode, stderr, stdout } = await runMirror(args, options);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/1 image, 3 blobs; 1 tag read back/);
    expect(stdout).toMatch(
      /sent [\d.]+ MB, sent before the interruption [\d.]+ MB, mounted 0 B, already there \d+ B/,
    );
    const receipt = await readFile(directory.resolve("receipt.json"), "utf8");
    expectTotals(JSON.parse(receipt) as Receipt, bundle);
  });
});

const realOnes = requireTool("docker-registry").describe;
realOnes.each(WAYS)("push() by $by to docker-registry", (way) => {
  beforeAll(() => {
    threads = way.transferThreads;
  });

  test.each(seeds)(
    "killed at a random byte sends no confirmed blob again, seed %i",
    async (seed) => {
      await using target = await startTarget("docker-registry");
      const confirmed = await pushAndKill(target, positionOf(seed));
      await pushAgain(target);
      // 2.8 gives up a session whose part is cut, so a started blob begins again
      expect(target.proxy.uploadedBytes).toBeLessThanOrEqual(sizeOfBlobs() - confirmed);
      await expectPushed(target);
    },
  );

  test("interrupted finishes the parts in flight, and the next run goes on behind them", async () => {
    await using target = await startTarget("docker-registry");
    const held = target.proxy.hold({
      afterBytes: 3 * MIB + 300_000,
      direction: "request",
      path: UPLOAD,
    });
    await using running = await startProcess(process.execPath, childArguments(target));
    await held;
    running.kill("SIGINT");
    target.proxy.release();
    expect((await running.finished).exitCode).toBe(130);
    const sent = target.proxy.uploadedBytes;
    await pushAgain(target);
    expect(sent + target.proxy.uploadedBytes).toBe(sizeOfBlobs());
    await expectPushed(target);
  });

  test("killed between two parts goes on behind the last one", async () => {
    await using target = await startTarget("docker-registry");
    const parts = { afterBytes: 3 * PART_BYTES, direction: "request", method: "PATCH" } as const;
    const held = target.proxy.hold(parts);
    const args = childArguments(target, single);
    await using running = await startProcess(process.execPath, args);
    await held;
    await watchUntil(single, async () => (await readOffset(single)) === 3 * PART_BYTES);
    running.kill("SIGKILL");
    await running.finished;
    target.proxy.drop();
    await pushAgain(target, single);
    const [layer] = layers;
    const left = (layer?.descriptor.size ?? 0) - 3 * PART_BYTES;
    expect(target.proxy.uploadedBytes).toBeLessThanOrEqual(left + SMALL_BYTES);
    expect(await readdir(single)).not.toContain(".mirror");
  });
});

/** Bytes of the last confirmed part in the state of a push. */
async function readOffset(path: string): Promise<number | undefined> {
  const names = await readdir(join(path, ".mirror"));
  const journal = names.find((name) => name.endsWith(".journal"));
  const records = journal ? await readAppendLog(join(path, ".mirror", journal)) : [];
  return (records.at(-1) as { session?: { offset: number } } | undefined)?.session?.offset;
}

function childArguments({ proxy }: Target, path: string = bundle): string[] {
  return [CHILD, path, `${proxy.host}/mirror`, String(PART_BYTES), String(threads)];
}

/** Kills a push when so many bytes of blobs have passed; returns the bytes of blobs that were confirmed. */
async function pushAndKill(target: Target, bytes: number): Promise<number> {
  const { proxy } = target;
  proxy.reset();
  const held = proxy.hold({ afterBytes: bytes, direction: "request", path: UPLOAD });
  await using running = await startProcess(process.execPath, childArguments(target));
  await held;
  running.kill("SIGKILL");
  expect(await running.finished).toMatchObject({ signal: "SIGKILL" });
  proxy.drop();
  const { blobs } = source.content.repository("acme/web");
  const committed = proxy.find("PUT", UPLOAD).filter(({ status }) => status === 201);
  return [...blobs]
    .filter(([digest]) => committed.some(({ path }) => decodeURIComponent(path).includes(digest)))
    .reduce((sum, [, { size }]) => sum + size, 0);
}

async function pushAgain(target: Target, path: string = bundle): Promise<Receipt> {
  target.proxy.reset();
  const args = childArguments(target, path);
  const { exitCode, stderr, stdout } = await runProcess(process.execPath, args);
  expect(exitCode, stderr).toBe(0);
  const receipt = JSON.parse(stdout) as Receipt;
  expectTotals(receipt, path);
  return receipt;
}

/** What it took to have everything there is everything, whatever an earlier run had sent. */
function expectTotals({ totals }: Receipt, path: string): void {
  const { alreadyThereBytes, blobs, bytes, mountedBytes, resumedBytes, sentBytes } = totals;
  expect(sentBytes + resumedBytes + mountedBytes + alreadyThereBytes).toBe(bytes);
  const { blobs: all } = source.content.repository(path === bundle ? "acme/web" : "acme/single");
  expect({ blobs, bytes }).toEqual({ blobs: all.size, bytes: sum(all) });
}

/** The target has the digests of the source, nothing is left beside the bundle, and a further push sends nothing. */
async function expectPushed(target: Target): Promise<void> {
  expect(await readdir(bundle)).not.toContain(".mirror");
  const receipt = await pushAgain(target);
  expect(receipt).toMatchObject({ complete: true, totals: { sentBytes: 0 } });
  expect(target.proxy.uploadedBytes).toBe(0);
  const [pushed] = receipt.images;
  const url = `http://${target.proxy.host}/v2/mirror/${pushed?.repository}/manifests/v1`;
  const answer = await fetch(url, {
    method: "HEAD",
    headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
  });
  const digest = source.content.repository("acme/web").tags.get("v1");
  expect(answer.headers.get("docker-content-digest")).toBe(digest);
}

function sizeOfBlobs(): number {
  return sum(source.content.repository("acme/web").blobs);
}

function sum(blobs: ReadonlyMap<unknown, { readonly size: number }>): number {
  return [...blobs.values()].reduce((total, { size }) => total + size, 0);
}

const CHILD = fileURLToPath(new URL("./support/push-bundle.mjs", import.meta.url));
