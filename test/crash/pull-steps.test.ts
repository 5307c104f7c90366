import { existsSync } from "node:fs";
import { cp, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { beforeAll, describe, expect, test } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import type { ParseSelectionOptions } from "../../src/selection/grammar/selection-options.ts";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { seedModules } from "../e2e/support/product-module.ts";
import { allTests } from "../support/fixture.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { type RecordedRun, type RecordedStep, recordMirror } from "./support/recorded-run.ts";
import { type PullSampleOptions, pullSample, readProgress } from "./support/resume.ts";
import { flagsOf, startSampleSource } from "./support/sample-source.ts";

/** Runs that go on at once. */
const CONCURRENCY = 4;

/** Files of undisturbed bundles. */
let whole: Record<"wishes" | "otherWishes" | "chunked", Record<string, string>>;

const directory = allTests(openTempDirectory);
const source = allTests(startSampleSource);

beforeAll(async () => {
  whole = {
    wishes: await pullWhole("whole", source.wishes),
    otherWishes: await pullWhole("other", source.otherWishes),
    chunked: await pullWhole("chunked", source.wishes, { chunkSizeBytes: CHUNK_BYTES }),
  };
});

const CHUNK_BYTES = 500_000;

describe("mirror pull, killed after any step", () => {
  test("goes on to the same bundle and asks for nothing twice that the journal has", async () => {
    const run = await record("fresh", flagsOf(source.wishes));
    await eachStep("fresh", run, async (path) => {
      const progress = await readProgress(path);
      const asked = await finish(path, source.wishes, whole.wishes);
      const repeated = [...asked].filter(([digest, from]) => from < (progress.get(digest) ?? 0));
      expect(repeated).toEqual([]);
    });
  });

  test("goes on in chunk files", async () => {
    const run = await record("chunks", [...flagsOf(source.wishes), "-c", "500KB"]);
    await eachStep("chunks", run, async (path) => {
      await finish(path, source.wishes, whole.chunked, { chunkSizeBytes: CHUNK_BYTES });
    });
  });

  test("leaves each file with its GOST digest", async () => {
    const options = { chunkSizeBytes: CHUNK_BYTES, gostDigest: true };
    const files = await pullWhole("sums-whole", source.wishes, options);
    const run = await record("sums", [...flagsOf(source.wishes), "-c", "500KB", "--gost-digest"]);
    const sums = run.steps.filter(({ label }) => /^rename .*\.gostsum$/.test(label));
    expect(sums).toHaveLength(4);
    for (const step of sums.filter((_, position) => position % 2 === 0)) {
      const path = directory.resolve("sums", `again-${step.name}`);
      await run.restore(step, path);
      await finish(path, source.wishes, files, options);
    }
  });

  test("goes on inside a layer that was being moved from the cache", async () => {
    const { registry } = source;
    const modules = [{ name: "bar", versions: ["v1.0.0"], bytes: 4_000_000 }];
    seedModules(
      registry,
      "moved",
      modules.map((one) => ({ ...one, internalImages: ["agent"] })),
    );
    const wishes = { source: `${registry.host}/moved`, includeModules: ["bar@=v1.0.0"] };
    const files = await pullWhole("moved-whole", wishes);
    const { blobs } = registry.content.repository("moved/modules/bar");
    const [layer] = [...blobs].find(([, { size }]) => size > 4_000_000) ?? [];
    const run = await record("moved", flagsOf(wishes));
    const isMove = /^remove \.mirror\/blobs\/sha256\/\w+\/\d{8}$/;
    const moves = run.steps.filter(({ label }) => isMove.test(label));
    expect(moves.length).toBeGreaterThan(2);
    for (const step of moves) {
      const path = directory.resolve("moved", `again-${step.name}`);
      await run.restore(step, path);
      const asked = await finish(path, wishes, files);
      expect([...asked.keys()], step.label).not.toContain(layer);
    }
  });

  test("with --force over a complete bundle, takes over what that had", async () => {
    const prepare = (path: string) => cp(directory.resolve("whole"), path, { recursive: true });
    const run = await record("forced", [...flagsOf(source.wishes), "--force"], prepare);
    await eachStep("forced", run, async (path) => {
      const asked = await finish(path, source.wishes, whole.wishes, { force: true });
      expect(asked.has(source.largeLayer)).toBe(false);
    });
  });

  test("with another selection, takes over what the unfinished pull had", async () => {
    const fresh = await record("first", flagsOf(source.wishes));
    const last = fresh.steps.findLast(({ label }) => label === "rename images.tar");
    if (last === undefined) throw new Error("images.tar was not finished");
    const prepare = (path: string) => fresh.restore(last, path);
    const run = await record("changed", flagsOf(source.otherWishes), prepare);
    await eachStep("changed", run, async (path) => {
      const asked = await finish(path, source.otherWishes, whole.otherWishes);
      expect(asked.has(source.largeLayer)).toBe(false);
    });
  });

  test("with --no-pull-resume, goes on without it as if it had never begun", async () => {
    const fresh = await record("dropped-first", flagsOf(source.wishes));
    const last = fresh.steps.findLast(({ label }) => label === "rename images.tar");
    if (last === undefined) throw new Error("images.tar was not finished");
    const prepare = (path: string) => fresh.restore(last, path);
    const flags = [...flagsOf(source.wishes), "--no-pull-resume"];
    const run = await record("dropped", flags, prepare);
    await eachStep("dropped", run, async (path) => {
      await finish(path, source.wishes, whole.wishes);
    });
  });
});

async function pullWhole(
  name: string,
  wishes: ParseSelectionOptions,
  options: PullSampleOptions = {},
): Promise<Record<string, string>> {
  const path = directory.resolve(name);
  const { summary } = await pullSample(path, wishes, options);
  expect(summary.failures).toEqual([]);
  return hashFiles(path);
}

/** Records a run over a directory that `prepare` fills. */
async function record(
  name: string,
  flags: readonly string[],
  prepare: (path: string) => Promise<void> = async () => {},
): Promise<RecordedRun> {
  const bundlePath = directory.resolve(name, "bundle");
  await mkdir(directory.resolve(name));
  await prepare(bundlePath);
  const into = directory.resolve(name, "steps");
  const run = await recordMirror(["pull", bundlePath, ...flags], { bundlePath, into });
  expect(run.result.stderr).not.toContain("error");
  expect(run.result.exitCode).toBe(0);
  return run;
}

/** Goes on from each step of a run in a directory of its own; a failure names the step. */
async function eachStep(
  name: string,
  run: RecordedRun,
  goOn: (path: string, step: RecordedStep) => Promise<void>,
): Promise<void> {
  const limit = pLimit(CONCURRENCY);
  const steps = chooseSteps(run.steps);
  const outcomes = await Promise.all(
    steps.map((step) =>
      limit(async () => {
        const path = directory.resolve(name, `again-${step.name}`);
        await run.restore(step, path);
        try {
          await goOn(path, step);
          return [];
        } catch (error) {
          return [`step ${step.name}, ${step.label}: ${error}`];
        }
      }),
    ),
  );
  expect(steps.length).toBeGreaterThan(20);
  expect(outcomes.flat()).toEqual([]);
}

/** Pulls again; afterwards the directory has exactly the files of an undisturbed pull. */
async function finish(
  path: string,
  wishes: ParseSelectionOptions,
  files: Record<string, string>,
  options: PullSampleOptions = {},
): Promise<ReadonlyMap<Digest, number>> {
  const isOver = existsSync(join(path, "bundle.json")) && !existsSync(join(path, ".mirror"));
  const { summary, asked } = await pullSample(path, wishes, options).catch((error: unknown) => {
    if (!isOver) throw error;
    return completeAlready(error);
  });
  expect(summary?.failures ?? []).toEqual([]);
  expect(await hashFiles(path)).toEqual(files);
  expect((await readdir(path)).sort()).toEqual(Object.keys(files).sort());
  return asked;
}

/** The kill came between the removal of the last bit of state and the end of the process. */
function completeAlready(error: unknown) {
  expect(error).toMatchObject({ message: expect.stringContaining("holds a complete bundle") });
  return { summary: undefined, asked: new Map<Digest, number>() };
}

/** Steps of which a run has many alike. */
const REPEATED =
  /^(?:mkdir|write|writev|append|rename|remove) (?:\.mirror\/(?:blobs|journal)|.*\.partial$)/;

/** All steps, but few of each series of the same kind. */
function chooseSteps(steps: readonly RecordedStep[]): readonly RecordedStep[] {
  return steps.filter(({ label }, position) => !REPEATED.test(label) || position % 12 === 0);
}
