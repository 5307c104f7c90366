import { beforeAll, describe, expect, test } from "vitest";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import { push } from "../../src/push/push.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { image, layer, seed } from "../support/artifacts.ts";
import { createFakeClock } from "../support/clock.ts";
import { RANDOM_FAULTS } from "../support/faults/random-faults.ts";
import { allTests } from "../support/fixture.ts";
import { type FaultRegistry, type Faults, startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { seedsFrom } from "./support/random.ts";
import { pullSample } from "./support/resume.ts";

const IMAGES = 20;
const LAYER_BYTES = 400_000;
const PART_BYTES = 150_000;
const RATE = 0.05;
const STALL_MS = 300;
const MIB = 1024 * 1024;
const SEEDS = seedsFrom(1, 4);

/** One blob in which parts of more than 4 MiB are tried. */
const LARGE_LAYER_BYTES = 4.6 * MIB;
const LARGE_PART_BYTES = 4.5 * MIB;

/** What is wrong with both registries all the time, beside what hits single requests. */
const ILL: Faults = {
  auth: { scheme: "bearer", lifeRequests: 10 },
  unavailable: { times: 20, after: 30 },
};

/** What the registry and the front end of a target want of parts. */
const STRICT: Faults = {
  stateToken: true,
  partLimitBytes: 4 * MIB,
  bodyLimit: { bytes: 120_000, answer: 413 },
  minPartBytes: 60_000,
};

let whole: Record<string, string>;
let wishes: { readonly includeImages: readonly string[] };

const directory = allTests(openTempDirectory);
const source = allTests(startFaultRegistry);

beforeAll(async () => {
  const names = Array.from({ length: IMAGES }, (_, position) => `acme/image-${position}`);
  for (const [position, name] of names.entries()) {
    const size = position === 0 ? LARGE_LAYER_BYTES : LAYER_BYTES;
    const bytes = pseudoRandomBytes(position, 0, size);
    seed(source, name, { v1: image({ name, layers: [layer({ bytes })] }) });
  }
  wishes = { includeImages: names.map((name) => `${source.host}/${name}:v1`) };
  await pullSample(directory.resolve("whole"), wishes);
  whole = await hashFiles(directory.resolve("whole"));
});

/** A client that never really waits. Its clock adds up what transfers sleep side by side. */
const impatient = () => ({
  clock: createFakeClock(),
  // not the certificates and proxies of this machine
  env: {},
  stallTimeoutMs: STALL_MS,
  retryTimeoutMs: 24 * 60 * 60_000,
});

describe("a bundle of twenty images", () => {
  test.each(SEEDS)("is pulled through everything at once, seed %i", async (seedOfFaults) => {
    source.setFaults({ ...ILL, random: randomFaults(seedOfFaults) });
    const path = directory.resolve(`pulled-${seedOfFaults}`);
    const { summary } = await pullSample(path, wishes, { client: impatient() });
    expect(summary.failures).toEqual([]);
    expect(await hashFiles(path)).toEqual(whole);
  });

  test.each(SEEDS)("is pushed through everything at once, seed %i", async (seedOfFaults) => {
    const random = randomFaults(seedOfFaults);
    await using target = await startFaultRegistry({ faults: { ...ILL, ...STRICT, random } });
    await expectPushed(target, { partSizeBytes: LARGE_PART_BYTES });
    const statuses = target.log.entries.map(({ status }) => status);
    expect(statuses).toEqual(expect.arrayContaining([401, 413, 503]));
  });
});

const randomFaults = (seedOfFaults: number) => ({
  rate: RATE,
  seed: seedOfFaults,
  faults: RANDOM_FAULTS,
});

describe("pull()", () => {
  const LARGE = LAYER_BYTES / 2;

  test.each<[string, Faults]>([
    ["bodies end early", { drop: { afterBytes: LARGE, how: "eof", times: 9 } }],
    ["bodies are reset", { drop: { afterBytes: LARGE, how: "reset", times: 9 } }],
    ["bodies stall", { drop: { afterBytes: LARGE, how: "stall", times: 3 } }],
    [
      "ranges are ignored after cuts",
      { drop: { afterBytes: LARGE, how: "eof", times: 5 }, range: "ignored" },
    ],
    [
      "ranges start at 0 after cuts",
      { drop: { afterBytes: LARGE, how: "eof", times: 5 }, range: "from-zero" },
    ],
    [
      "ranges have the wrong bytes after cuts",
      { drop: { afterBytes: LARGE, how: "eof", times: 5 }, range: "wrong-bytes" },
    ],
    ["it is told to wait", { tooManyRequests: { times: 9, after: 5 } }],
    [
      "it is told until when to wait",
      { tooManyRequests: { times: 9, retryAfter: { seconds: 60, as: "date" } } },
    ],
    ["the registry is ill for a while", { unavailable: { times: 30, after: 10 } }],
    ["tokens live for three requests", { auth: { scheme: "bearer", lifeRequests: 3 } }],
    ["storage is elsewhere and its addresses work once", { redirect: { reuse: 403 } }],
  ])("makes the same bundle when %s", async (name, faults) => {
    source.setFaults(faults);
    const path = directory.resolve(name.replaceAll(" ", "-"));
    const { summary } = await pullSample(path, wishes, { client: impatient() });
    expect(summary.failures).toEqual([]);
    expect(await hashFiles(path)).toEqual(whole);
  });
});

describe("push()", () => {
  test.each<[string, Faults]>([
    ["parts are cut", { dropUpload: { afterBytes: 60_000, how: "reset", times: 9 } }],
    ["parts stall", { dropUpload: { afterBytes: 60_000, how: "stall", times: 2 } }],
    [
      "sessions die with a part that is cut",
      {
        dropUpload: { afterBytes: 60_000, how: "reset", times: 9 },
        stateToken: true,
        abortedPatch: "deletes-session",
      },
    ],
    ["sessions get lost", { sessionLost: { after: 3, times: 5 } }],
    ["parts are answered with 201 and lag", { patchStatus: 201, statusRange: "lagging" }],
    ["answers to commits get lost", { commitReset: { times: 9 } }],
    ["parts have a least length", { minPartBytes: 200_000 }],
    ["it is told to wait", { tooManyRequests: { times: 9, after: 5 } }],
    ["tokens live for three requests", { auth: { scheme: "bearer", lifeRequests: 3 } }],
  ])("puts everything there when %s", async (_, faults) => {
    await using target = await startFaultRegistry({ faults });
    await expectPushed(target);
  });
});

async function expectPushed(
  target: FaultRegistry,
  { partSizeBytes = PART_BYTES }: { readonly partSizeBytes?: number } = {},
): Promise<void> {
  await using client = openRegistryClient({ ...impatient(), partSizeBytes });
  const receipt = await push({
    bundlePath: directory.resolve("whole"),
    target: { registry: target.host, repository: "mirror" },
    openTarget: (reference) => client.repository(reference),
  });
  expect(receipt.failures).toEqual([]);
  expect(receipt.complete).toBe(true);
  const digests = new Map(
    [...target.content.repositories].flatMap(([name, { tags }]) =>
      [...tags].map(([tag, digest]) => [`${name}:${tag}`, digest] as const),
    ),
  );
  for (const { planned, repository, tag } of receipt.images) {
    expect(digests.get(`mirror/${repository}:${tag}`)).toBe(planned);
  }
  expect(receipt.images).toHaveLength(IMAGES);
}
