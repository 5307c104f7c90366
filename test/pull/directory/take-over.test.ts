import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MadeList } from "../../../src/made-list.ts";
import type { Digest } from "../../../src/oci/digest.ts";
import type { PreviousBlob } from "../../../src/pull/directory/previous-blobs.ts";
import type { PreviousContent } from "../../../src/pull/directory/previous-content.ts";
import { takeOver } from "../../../src/pull/directory/take-over.ts";
import type { BlobTask } from "../../../src/pull/directory/transfer-plan.ts";
import { planSample, pullSample } from "../../crash/support/resume.ts";
import { hashFiles } from "../../e2e/support/bundle-directory.ts";
import { image, randomLayer, seed } from "../../support/artifacts.ts";
import { type FaultRegistry, startFaultRegistry } from "../../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";

const MIB = 1024 * 1024;

describe("takeOver()", () => {
  /** What happened, in order: blobs by their names, `sync`, `release 0:<end>`, `remove`. */
  async function order(blobs: Readonly<Record<string, PreviousBlob>>, wanted: string) {
    const events: string[] = [];
    const note = (event: string) => async () => void events.push(event);
    const content = {
      packages: 2,
      release: async (index: number, end: number) => void events.push(`release ${index}:${end}`),
      remove: note("remove"),
    };
    const names = [...wanted];
    const tasks = new MadeList(names.length, (id) => ({ digest: names[id] as Digest }) as BlobTask);
    await takeOver(content as unknown as PreviousContent, tasks, {
      sync: note("sync"),
      find: ({ digest }) => blobs[digest],
      copy: async ({ digest }) => void events.push(digest),
    });
    return events.join(", ");
  }

  const at = (index: number, offset: number, available: number): PreviousBlob => ({
    package: index,
    offset,
    available,
  });

  test("cuts off what is of no use, then copies from the end, and cuts when the copies are durable", async () => {
    const blobs = {
      a: at(0, 512, 1000),
      b: at(0, 2048, 20 * MIB),
      c: at(0, 30 * MIB, 20 * MIB),
      d: at(0, 60 * MIB, 40 * MIB),
      e: at(0, 110 * MIB, 1000),
    };
    const steps = [
      [`release 0:${110 * MIB + 1000}`, "e", "d", "sync", `release 0:${60 * MIB}`],
      ["c", "b", "sync", "release 0:2048"],
      ["a", "sync", "release 0:512", "release 1:0", "remove"],
    ];
    expect(await order(blobs, "abcde")).toBe(steps.flat().join(", "));
  });

  test("gives back what it does not need at once", async () => {
    const blobs = { a: at(1, 512, 1000), b: at(1, 2048, 1000) };
    const steps = ["release 0:0", "release 1:1512", "a", "sync", "release 1:512"];
    expect(await order(blobs, "a")).toBe([...steps, "remove"].join(", "));
  });
});

describe("pull() over an earlier bundle", () => {
  const layers = Array.from({ length: 12 }, (_, index) => randomLayer(6 * MIB, index + 1));
  let directory: TempDirectory;
  let source: FaultRegistry;

  beforeAll(async () => {
    directory = await openTempDirectory();
    source = await startFaultRegistry();
    seed(source, "acme/web", { v1: image({ layers }) });
    seed(source, "acme/web", { v2: image({ layers: [...layers.slice(2), randomLayer(MIB, 77)] }) });
    await pullSample(directory.resolve("v1"), wishes("v1"));
    await pullSample(directory.resolve("v2"), wishes("v2"));
  });

  afterAll(async () => {
    await source?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  const wishes = (tag: string) => ({ includeImages: [`${source.host}/acme/web:${tag}`] });

  test("is planned with what that has", async () => {
    const { missingBytes, neededBytes } = await planSample(directory.resolve("v1"), wishes("v2"));
    expect(missingBytes).toBeGreaterThan(MIB);
    expect(missingBytes).toBeLessThan(MIB + 20_000);
    const fresh = await planSample(directory.resolve("none"), wishes("v2"));
    expect(fresh.missingBytes).toBe(fresh.fetchBytes);
    expect(fresh.neededBytes).toBeGreaterThan(fresh.bytes);
    expect(neededBytes).toBeLessThan(fresh.bytes);
  });

  /** A directory with v1 and a pull of v2 over it that was stopped behind so many blobs. */
  async function stopBehind(count: number, name = `stopped-${count}`): Promise<string> {
    const path = directory.resolve(name);
    await cp(directory.resolve("v1"), path, { recursive: true });
    const stop = new AbortController();
    let reused = 0;
    const stopped = pullSample(path, wishes("v2"), {
      force: true,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type !== "blob-finished" || event.size < MIB) return;
        if (++reused === count) stop.abort(new Error("stopped"));
      },
    });
    await expect(stopped).rejects.toThrow();
    return path;
  }

  /** Nothing of what v1 has is fetched for v2. */
  async function goOn(path: string): Promise<void> {
    const { summary, asked } = await pullSample(path, wishes("v2"));
    expect(summary.complete).toBe(true);
    const shared = layers.slice(2).map(({ descriptor }) => descriptor.digest);
    expect(shared.filter((digest) => asked.has(digest))).toEqual([]);
    expect(await hashFiles(path)).toEqual(await hashFiles(directory.resolve("v2")));
  }

  test.each([1, 5, 9])("stopped behind %i blobs, fetches none of them", async (count) => {
    const path = await stopBehind(count);
    const { missingBytes, fetchBytes } = await planSample(path, wishes("v2"));
    expect(missingBytes).toBeGreaterThan(MIB);
    expect(missingBytes).toBeLessThan(MIB + 20_000);
    expect(fetchBytes).toBeGreaterThan(61 * MIB);
    await goOn(path);
  });

  test("goes on with what an earlier version has noted of it", async () => {
    const path = await stopBehind(5, "noted");
    const noted = join(path, ".mirror/previous/0/contents.json");
    const { packages, blobs } = JSON.parse(await readFile(noted, "utf8")) as {
      readonly packages: unknown;
      readonly blobs: readonly { readonly digest: string }[];
    };
    const byDigest = Object.fromEntries(blobs.map(({ digest, ...blob }) => [digest, blob]));
    await writeFile(noted, JSON.stringify({ packages, blobs: byDigest }));
    await goOn(path);
  });
});
