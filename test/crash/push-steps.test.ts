import { cp, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pLimit from "p-limit";
import { beforeAll, describe, expect, test } from "vitest";
import { push } from "../../src/push/push.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { allTests } from "../support/fixture.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { readSteps, recordingOf } from "./support/recorded-run.ts";
import { pullSample } from "./support/resume.ts";

const PART_BYTES = 200_000;
const LAST_PART_BYTES = 50_000;
const LAYER_BYTES = 3 * PART_BYTES + LAST_PART_BYTES;
const RECORD = /^append push-.*\.journal$/;
/** Runs that go on at once. */
const CONCURRENCY = 2;

let whole: string;

const directory = allTests(openTempDirectory);
const source = allTests(startFaultRegistry);

beforeAll(async () => {
  seed(source, "acme/web", { v1: image({ layers: [randomLayer(LAYER_BYTES, 41)] }) });
  whole = directory.resolve("whole");
  await pullSample(whole, { includeImages: [`${source.host}/acme/web:v1`] });
});

describe("push(), killed after any step of its state", () => {
  test("sends nothing again that was confirmed, and leaves nothing", async () => {
    const labels = await countSteps();
    // Three parts, and that the upload is over
    expect(labels.filter((label) => RECORD.test(label))).toHaveLength(4);
    const limit = pLimit(CONCURRENCY);
    const outcomes = await Promise.all(
      labels.map((label, step) =>
        limit(() =>
          killAndGoOn(step).then(
            () => [],
            (error) => [`${step}, ${label}: ${error}`],
          ),
        ),
      ),
    );
    expect(outcomes.flat()).toEqual([]);
  });
});

/** What an undisturbed push does to its state, step by step. */
async function countSteps(): Promise<readonly string[]> {
  await using target = await startFaultRegistry();
  const { bundle, into, result } = await pushInChild("undisturbed", target);
  expect(result.exitCode, result.stderr).toBe(0);
  expect(await readdir(bundle)).not.toContain(".mirror");
  return (await readSteps(into)).map(({ label }) => label);
}

async function killAndGoOn(step: number): Promise<void> {
  await using target = await startFaultRegistry();
  const { bundle, into, result } = await pushInChild(`killed-${step}`, target, step);
  expect(result.signal).toBe("SIGKILL");
  const confirmed = await confirmedBytes(target, into);
  target.log.clear();
  await using client = openRegistryClient({ partSizeBytes: PART_BYTES });
  const receipt = await push({
    bundlePath: bundle,
    target: { registry: target.host, repository: "mirror" },
    openTarget: (reference) => client.repository(reference),
  });
  expect(receipt.complete).toBe(true);
  expect(receipt.totals.sentBytes).toBeLessThanOrEqual(sizeOfBlobs() - confirmed);
  expect(await readdir(bundle)).not.toContain(".mirror");
}

async function pushInChild(name: string, target: FaultRegistry, killAt?: number) {
  const bundle = directory.resolve(name);
  const into = directory.resolve(`${name}-steps`);
  await cp(whole, bundle, { recursive: true });
  const args = [CHILD, bundle, `${target.host}/mirror`, String(PART_BYTES)];
  const env = { ...process.env, ...recordingOf(`${bundle}/.mirror`, { into, killAt }) };
  return { bundle, into, result: await runProcess(process.execPath, args, { env }) };
}

/** Bytes that need not be sent again: of parts that the journal knows, or of the whole layer. */
async function confirmedBytes({ log }: FaultRegistry, into: string): Promise<number> {
  const commits = log.find("PUT", /uploads/).filter(({ status }) => status === 201);
  const isDone = commits.some(({ receivedBytes }) => receivedBytes === LAST_PART_BYTES);
  if (isDone) return LAYER_BYTES;
  const records = (await readSteps(into)).filter(({ label }) => RECORD.test(label));
  return records.length * PART_BYTES;
}

function sizeOfBlobs(): number {
  const { blobs } = source.content.repository("acme/web");
  return [...blobs.values()].reduce((sum, { size }) => sum + size, 0);
}

const CHILD = fileURLToPath(new URL("./support/push-bundle.mjs", import.meta.url));
