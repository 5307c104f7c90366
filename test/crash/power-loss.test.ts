import { cp, open, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { allTests } from "../support/fixture.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { createRandom, integerBelow, seedsFrom } from "./support/random.ts";
import { type RecordedRun, type RecordedStep, recordMirror } from "./support/recorded-run.ts";
import { pullSample } from "./support/resume.ts";
import { flagsOf, startSampleSource } from "./support/sample-source.ts";

const SEEDS = seedsFrom(4000, 24);
const BLOCK_BYTES = 4096;

let run: RecordedRun;
let whole: Record<string, string>;

const directory = allTests(openTempDirectory);
const source = allTests(startSampleSource);

beforeAll(async () => {
  const bundlePath = directory.resolve("recorded");
  run = await recordMirror(["pull", bundlePath, ...flagsOf(source.wishes)], {
    bundlePath,
    into: directory.resolve("steps"),
  });
  expect(run.result.exitCode).toBe(0);
  whole = await hashFiles(bundlePath);
});

describe("pull() after a power cut that lost unsynced bytes", () => {
  test.each(SEEDS)("makes the same bundle, seed %i", async (seed) => {
    const random = createRandom(seed);
    const step = chooseStep(run, random);
    const path = directory.resolve(`seed-${seed}`);
    await cutPower(run, step, { path, random });
    const { summary } = await pullSample(path, source.wishes);
    expect(summary.failures, step.label).toEqual([]);
    expect(await hashFiles(path), step.label).toEqual(whole);
  });

  test("fetches what has holes although the journal says that it is finished", async () => {
    const step = run.steps.findLast(({ label }) => label === "append .mirror/journal");
    if (step === undefined) throw new Error("nothing was finished");
    const path = directory.resolve("holes");
    await run.restore(step, path);
    for (const name of step.unsynced.filter((file) => file.endsWith(".partial"))) {
      const { size } = await stat(join(path, name));
      for (let at = 0; at < size; at += 10 * BLOCK_BYTES) await zero(join(path, name), at);
    }
    const { summary } = await pullSample(path, source.wishes);
    expect(summary.complete).toBe(true);
    expect(await hashFiles(path)).toEqual(whole);
  });

  test("makes an index again that --platform had rewritten", async () => {
    const step = run.steps.find(({ label }) => label === "rename .mirror/plan.json");
    if (step === undefined) throw new Error("no plan was pinned");
    const path = directory.resolve("no-cache");
    await run.restore(step, path);
    await rm(join(path, ".mirror/blobs"), { recursive: true });
    const { summary } = await pullSample(path, source.wishes);
    expect(summary.failures).toEqual([]);
    expect(await hashFiles(path)).toEqual(whole);
  });
});

describe("pull() with force after a power cut that lost unsynced bytes", () => {
  let forced: RecordedRun;
  let wholeForced: Record<string, string>;

  beforeAll(async () => {
    const bundlePath = directory.resolve("forced");
    await cp(directory.resolve("recorded"), bundlePath, { recursive: true });
    forced = await recordMirror(["pull", bundlePath, "--force", ...flagsOf(source.otherWishes)], {
      bundlePath,
      into: directory.resolve("forced-steps"),
    });
    expect(forced.result.exitCode).toBe(0);
    wholeForced = await hashFiles(bundlePath);
  });

  test.each(seedsFrom(5000, 12))("makes the same bundle, seed %i", async (seed) => {
    const random = createRandom(seed);
    const step = chooseStep(forced, random);
    const path = directory.resolve(`forced-${seed}`);
    await cutPower(forced, step, { path, random });
    const { summary } = await pullSample(path, source.otherWishes, { force: true });
    expect(summary.failures, step.label).toEqual([]);
    expect(await hashFiles(path), step.label).toEqual(wholeForced);
  });

  test("copies again what the journal says that it has copied, if the disk has lost it", async () => {
    const cut = forced.steps.findLastIndex(({ label }) => /^truncate .*images\.tar$/.test(label));
    const copied = forced.steps.slice(0, cut).findLast(({ label, unsynced }) => {
      return label === "append .mirror/journal" && unsynced.includes("images.tar.partial");
    });
    if (copied === undefined) throw new Error("nothing was copied");
    const path = directory.resolve("copied");
    await forced.restore(copied, path);
    const { size } = await stat(join(path, "images.tar.partial"));
    for (let at = 0; at < size; at += BLOCK_BYTES) await zero(join(path, "images.tar.partial"), at);
    await age(join(path, ".mirror", "lock"));
    const { asked } = await pullSample(path, source.otherWishes, { force: true });
    expect(asked.has(source.largeLayer)).toBe(false);
    expect(await hashFiles(path)).toEqual(wholeForced);
  });

  test("cuts off nothing of the earlier bundle before its copy is durable", () => {
    const cuts = forced.steps.filter(({ label }) =>
      /^(truncate|remove) .*previous.*images\.tar$/.test(label),
    );
    expect(cuts.map(({ label }) => label)).toEqual([
      "truncate .mirror/previous/0/images.tar",
      "truncate .mirror/previous/0/images.tar",
      "remove .mirror/previous/0/images.tar",
    ]);
    for (const { unsynced } of cuts.slice(1)) {
      expect(unsynced).not.toContain("images.tar.partial");
      expect(unsynced).not.toContain(".mirror/journal");
    }
  });
});

async function cutPower(
  run: RecordedRun,
  step: RecordedStep,
  { path, random }: { readonly path: string; readonly random: () => number },
): Promise<void> {
  await run.restore(step, path);
  for (const name of step.unsynced) await lose(join(path, name), random);
  await age(join(path, ".mirror", "lock"));
}

/** Some step before the bundle was complete. */
function chooseStep(run: RecordedRun, random: () => number): RecordedStep {
  const sealed = run.steps.findIndex(({ label }) => label === "rename bundle.json");
  const step = run.steps[integerBelow(sealed, random)];
  if (step === undefined) throw new Error("the run had no steps");
  return step;
}

/** What a file system may make of a file whose bytes were not synced: the name alone, a part, or zeros for some of it. */
async function lose(path: string, random: () => number): Promise<void> {
  const { size } = await stat(path);
  switch (integerBelow(5, random)) {
    case 0:
      return;
    case 1:
      return rm(path);
    case 2:
      return truncateTo(path, integerBelow(size + 1, random));
    case 3:
      return truncateTo(path, 0);
    default:
      for (let at = 0; at < size; at += BLOCK_BYTES) if (random() < 0.3) await zero(path, at);
  }
}

async function truncateTo(path: string, size: number): Promise<void> {
  await using file = await openFile(path);
  await file.handle.truncate(size);
}

/** Machines take longer to start than a lock takes to be written. */
async function age(path: string): Promise<void> {
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(path, longAgo, longAgo).catch(() => {});
}

/** Fills a block with zeros; the file keeps its size. */
async function zero(path: string, position: number): Promise<void> {
  await using file = await openFile(path);
  const { size } = await file.handle.stat();
  await file.handle.write(
    Buffer.alloc(Math.min(BLOCK_BYTES, size - position)),
    0,
    undefined,
    position,
  );
}

async function openFile(path: string) {
  const handle = await open(path, "r+");
  return { handle, [Symbol.asyncDispose]: () => handle.close() };
}
