import { cp, mkdir, open, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { type PinnedPlan, statePaths } from "../../src/pull/directory/pull-state.ts";
import type { PullEvent } from "../../src/pull/events.ts";
import { pullSample, readProgress } from "../crash/support/resume.ts";
import { image, layer, seed } from "../support/artifacts.ts";
import { allTests } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { hashFiles } from "./support/bundle-directory.ts";

const MIB = 1024 * 1024;
const HOUR_MS = 60 * 60 * 1000;

const first = layer({ "first.bin": pseudoRandomBytes(1, 0, 2.5 * MIB) });
const second = layer({ "second.bin": pseudoRandomBytes(2, 0, 3.5 * MIB) });
const other = layer({ "other.bin": pseudoRandomBytes(3, 0, 1.5 * MIB) });

let wishes: { readonly includeImages: readonly string[] };
let whole: Record<string, string>;
let rounds = 0;
let path: string;

const directory = allTests(openTempDirectory);
const source = allTests(startFaultRegistry);

beforeAll(async () => {
  wishes = { includeImages: [`${source.host}/acme/web:v1`] };
  seed(source, "acme/web", { v1: image({ name: "old", layers: [first, second] }) });
  await pullSample(directory.resolve("whole"), wishes);
  whole = await hashFiles(directory.resolve("whole"));
});

beforeEach(() => {
  source.setFaults({});
  seed(source, "acme/web", { v1: image({ name: "old", layers: [first, second] }) });
  path = directory.resolve(`bundle-${rounds++}`);
});

/** Stops a pull when 1.5 MiB of the second layer have arrived; the first is finished. */
async function interrupt(): Promise<void> {
  const stop = new AbortController();
  let bytes = 0;
  const pulling = pullSample(path, wishes, {
    signal: stop.signal,
    concurrency: 1,
    onEvent: (event) => {
      if (event.type !== "blob-progress" || event.digest !== second.descriptor.digest) return;
      bytes += event.bytes;
      if (bytes >= 1.5 * MIB) stop.abort(new Error("interrupted"));
    },
  });
  await expect(pulling).rejects.toThrow();
}

/** Pulls again and expects the undisturbed bundle; returns where blobs were asked from. */
async function finish(options: Parameters<typeof pullSample>[2] = {}) {
  const { summary, asked } = await pullSample(path, wishes, options);
  expect(summary.failures).toEqual([]);
  expect(await hashFiles(path)).toEqual(whole);
  return asked;
}

const offsetOf = (asked: ReadonlyMap<Digest, number>) => asked.get(second.descriptor.digest);

describe("pull() after one that was killed behind its seal", () => {
  /** A complete bundle, with an empty journal that was not removed yet. */
  async function seal(): Promise<void> {
    await pullSample(path, wishes);
    await mkdir(join(path, ".mirror"));
    await writeFile(statePaths(path).journal, "");
    source.log.clear();
  }

  test("ends well and asks for nothing", async () => {
    await seal();
    const { summary } = await pullSample(path, wishes);
    expect(summary).toMatchObject({ complete: true, fetchedBytes: 0 });
    expect(source.log.entries).toEqual([]);
    expect(await hashFiles(path)).toEqual(whole);
  });

  test.each([
    ["other wishes", { chunkSizeBytes: 700_000 }, 0],
    ["a seal of the day before", {}, 25 * HOUR_MS],
  ])("finds a complete bundle with %s", async (_, options, ageMs) => {
    await seal();
    const then = new Date(Date.now() - ageMs);
    await utimes(join(path, "bundle.json"), then, then);
    await expect(pullSample(path, wishes, options)).rejects.toThrow("holds a complete bundle");
    expect(await hashFiles(path)).toEqual(whole);
  });
});

describe("pull() after an interrupted one", () => {
  test("asks for the rest of a started blob and for nothing that is finished", async () => {
    await interrupt();
    const kept = (await readProgress(path)).get(second.descriptor.digest);
    const asked = await finish();
    expect(offsetOf(asked)).toBe(kept);
    expect(kept).toBeGreaterThanOrEqual(1.5 * MIB);
    expect(asked.has(first.descriptor.digest)).toBe(false);
  });

  test("counts fetched now and kept from before, also of a started blob, as all", async () => {
    await interrupt();
    const kept = [...(await readProgress(path)).values()].reduce((sum, bytes) => sum + bytes, 0);
    const { summary } = await pullSample(path, wishes);
    const { uniqueBytes = 0 } = summary.manifest?.totals ?? {};
    expect(summary.reusedBytes).toBeGreaterThanOrEqual(kept);
    expect(summary.fetchedBytes + summary.reusedBytes).toBe(uniqueBytes);
  });

  test("keeps to its plan within a day although the tag has moved", async () => {
    await interrupt();
    seed(source, "acme/web", { v1: image({ name: "new", layers: [other, second] }) });
    await finish();
  });

  test("looks the tag up again after a day and reuses what is the same", async () => {
    await interrupt();
    seed(source, "acme/web", { v1: image({ name: "new", layers: [other, second] }) });
    await changePlan((plan) => ({ ...plan, pinnedAt: plan.pinnedAt - 25 * HOUR_MS }));
    const { summary, asked } = await pullSample(path, wishes);
    expect(summary.complete).toBe(true);
    expect(summary.manifest?.packages[0]?.layouts[0]?.images[0]?.digest).toBe(
      source.content.repository("acme/web").tags.get("v1"),
    );
    expect(offsetOf(asked)).toBeGreaterThanOrEqual(MIB);
    expect(asked.get(other.descriptor.digest)).toBe(0);
  });

  test("goes on after a day with the same contents", async () => {
    await interrupt();
    await changePlan((plan) => ({ ...plan, pinnedAt: plan.pinnedAt - 25 * HOUR_MS }));
    expect(offsetOf(await finish())).toBeGreaterThanOrEqual(1.5 * MIB);
  });

  test("goes on with a plan that has one line for all, as earlier versions wrote it", async () => {
    await interrupt();
    await changePlan(({ contents, ...rest }) => ({ contents, ...rest }));
    expect(await readFile(statePaths(path).plan, "utf8")).not.toContain("\n");
    const asked = await finish();
    expect(asked.has(first.descriptor.digest)).toBe(false);
    expect(offsetOf(asked)).toBeGreaterThanOrEqual(1.5 * MIB);
  });

  test("reuses blobs when the chunk size has changed", async () => {
    await interrupt();
    const chunkSizeBytes = 700_000;
    const { summary, asked } = await pullSample(path, wishes, { chunkSizeBytes });
    expect(summary.complete).toBe(true);
    expect(offsetOf(asked)).toBeGreaterThanOrEqual(MIB);
    expect(asked.has(first.descriptor.digest)).toBe(false);
    const reference = directory.resolve(`${rounds}-chunks`);
    await pullSample(reference, wishes, { chunkSizeBytes });
    expect(await hashFiles(path)).toEqual(await hashFiles(reference));
  });

  test("starts over with resume: false", async () => {
    await interrupt();
    const asked = await finish({ resume: false });
    expect(offsetOf(asked)).toBe(0);
    expect(asked.get(first.descriptor.digest)).toBe(0);
  });

  test.each(["images.tar.partial", ".mirror/journal", ".mirror/blobs", ".mirror/plan.json"])(
    "makes the same bundle without %s",
    async (name) => {
      await interrupt();
      await rm(join(path, name), { recursive: true });
      await finish();
    },
  );

  test("makes the same bundle with a plan that is no JSON", async () => {
    await interrupt();
    await truncate(statePaths(path).plan, 100);
    await finish();
  });

  test("fetches a finished blob again that was damaged, and a started one from its first byte", async () => {
    await interrupt();
    for (const at of [0.2, 0.4, 0.6]) {
      await flip(join(path, "images.tar.partial"), Math.floor(at * 4 * MIB));
    }
    const asked = await finish();
    expect(asked.get(first.descriptor.digest)).toBe(0);
  });

  test("does not go on behind damage a second time", async () => {
    await interrupt();
    await flip(join(path, "images.tar.partial"), 3 * MIB);
    const stop = new AbortController();
    const onEvent = ({ type }: PullEvent) => {
      if (type === "blob-restarted") stop.abort(new Error("interrupted"));
    };
    await expect(pullSample(path, wishes, { signal: stop.signal, onEvent })).rejects.toThrow();
    expect((await readProgress(path)).get(second.descriptor.digest)).toBe(0);
    await finish();
  });

  test.each(["ignored", "from-zero", "wrong-bytes", "no-header", "refused"] as const)(
    "makes the same bundle from a source whose ranges are %s",
    async (range) => {
      await interrupt();
      source.setFaults({ range });
      await finish();
    },
  );

  test("names a blob that the source has lost, keeps the rest, and finishes when it is back", async () => {
    await interrupt();
    const { blobs } = source.content.repository("acme/web");
    const content = blobs.get(second.descriptor.digest);
    blobs.delete(second.descriptor.digest);
    const { summary } = await pullSample(path, wishes);
    expect(summary.complete).toBe(false);
    expect(summary.failures).toMatchObject([
      { code: "REGISTRY_NOT_FOUND", subject: expect.stringContaining(second.descriptor.digest) },
    ]);
    if (content) blobs.set(second.descriptor.digest, content);
    const asked = await finish();
    // Small blobs have a lane of their own, which may be behind
    expect(asked.has(first.descriptor.digest)).toBe(false);
    expect(offsetOf(asked)).toBeGreaterThanOrEqual(1.5 * MIB);
  });

  test("makes the same bundle with a journal that is torn or damaged anywhere", async () => {
    await interrupt();
    const { journal } = statePaths(path);
    const bytes = await readFile(journal);
    const saved = directory.resolve(`${rounds}-saved`);
    await copy(path, saved);
    for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 12)) {
      await copy(saved, path);
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at);
      await writeFile(journal, at % 2 === 0 ? bytes.subarray(0, at) : damaged);
      await finish();
    }
  });
});

async function copy(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true });
}

async function changePlan(change: (plan: PinnedPlan) => PinnedPlan): Promise<void> {
  const { plan } = statePaths(path);
  await writeFile(plan, JSON.stringify(change(JSON.parse(await readFile(plan, "utf8")))));
}

/** Flips the bits of one byte. */
async function flip(file: string, position: number): Promise<void> {
  const handle = await open(file, "r+");
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
    await handle.write(Buffer.of(buffer.readUInt8(0) ^ 0xff), 0, 1, position);
  } finally {
    await handle.close();
  }
}
