import { readdirSync, statSync } from "node:fs";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  openRegistryClient,
  type PullEvent,
  parseSelection,
  planPull,
  pull,
  verifyBundle,
} from "../../src/index.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { type CountingProxy, startCountingProxy } from "../support/counting-proxy.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { seedModules } from "./support/product-module.ts";

const MB = 1_000_000;

let directory: TempDirectory;
let proxy: CountingProxy;

beforeEach(async () => {
  directory = await openTempDirectory();
  const registry = await openEmbeddedRegistry();
  // Nothing lists further images: every layer of each version is looked through
  seedModules(registry, "acme", [{ name: "foo", versions: ["v1.3.0", "v1.4.0"], bytes: 3 * MB }]);
  proxy = await startCountingProxy(registry.host);
  closing.push(proxy, { [Symbol.asyncDispose]: () => registry.close() }, directory);
});

const closing: AsyncDisposable[] = [];

afterEach(async () => {
  for (const resource of closing.splice(0)) await resource[Symbol.asyncDispose]();
});

interface Run {
  readonly cacheDirectory?: string;
  readonly cacheLimitBytes?: number;
  readonly onEvent?: (event: PullEvent) => void;
  readonly bundle?: string;
}

/** What a command is given. */
function optionsOf(
  { bundle = "bundle", ...cache }: Run,
  client: ReturnType<typeof openRegistryClient>,
) {
  const { selection } = parseSelection({
    source: `${proxy.host}/acme`,
    includeModules: ["foo@^1.3.0"],
  });
  return {
    bundlePath: directory.resolve(bundle),
    selection,
    openSource: (reference: Parameters<typeof client.repository>[0]) =>
      client.repository(reference),
    cacheDirectory: directory.resolve("cache"),
    cacheLimitBytes: 100 * MB,
    ...cache,
  };
}

async function runPlan(run: Run = {}) {
  await using client = openRegistryClient();
  return await planPull(optionsOf(run, client));
}

async function runPull(run: Run = {}) {
  await using client = openRegistryClient();
  const summary = await pull(optionsOf(run, client));
  expect(summary.failures).toEqual([]);
  return summary;
}

/** Body bytes of blobs and manifests since the last look. */
function downloaded(): number {
  const bytes = proxy.find("GET").reduce((sum, { responseBytes }) => sum + responseBytes, 0);
  proxy.reset();
  return bytes;
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true })
    .map((name) => join(path, String(name)))
    .filter((name) => statSync(name).isFile());
}

describe("what was read for a plan", () => {
  test("is not fetched again by the pull that follows, nor by the next plan", async () => {
    const plan = await runPlan();
    const first = downloaded();
    expect(plan.fetchBytes).toBeGreaterThan(11 * MB);
    expect(first).toBeGreaterThan(11 * MB);
    const summary = await runPull();
    expect(first + downloaded()).toBeLessThan(plan.fetchBytes + 0.1 * MB);
    expect(summary).toMatchObject({ complete: true });
    expect(summary.fetchedBytes + summary.reusedBytes).toBe(plan.fetchBytes);
    expect(await verifyBundle({ bundlePath: directory.resolve("bundle") })).toMatchObject({
      problems: [],
    });
    await runPlan({ bundle: "other" });
    expect(downloaded()).toBeLessThan(0.1 * MB);
  });

  test("is not read again when the content is gone: what an image holds stays known", async () => {
    await runPlan();
    downloaded();
    for (const path of filesBelow(directory.resolve("cache", "content"))) await writeFile(path, "");
    await runPlan();
    expect(downloaded()).toBeLessThan(0.1 * MB);
  });

  test("is counted in the plan, and shown as bytes while it comes", async () => {
    let seen = 0;
    const onEvent = (event: PullEvent) => {
      if (event.type === "resolving-progress") seen += event.bytes;
    };
    const plan = await runPlan({ onEvent });
    expect(plan.resolvedBytes).toBeGreaterThan(11 * MB);
    expect(seen).toBe(plan.resolvedBytes);
    expect(plan.missingBytes).toBeLessThan(plan.fetchBytes - plan.resolvedBytes + 0.1 * MB);
    expect(await runPlan()).toMatchObject({ missingBytes: plan.missingBytes });
  });

  test("is never believed: a damaged cache costs a transfer and nothing else", async () => {
    await runPlan();
    for (const path of filesBelow(directory.resolve("cache"))) {
      const { size } = statSync(path);
      await writeFile(path, Buffer.alloc(size, "x"));
    }
    expect(await runPull()).toMatchObject({ complete: true });
    const { problems, complete } = await verifyBundle({ bundlePath: directory.resolve("bundle") });
    expect({ problems, complete }).toEqual({ problems: [], complete: true });
  });

  test("takes no more than the bound, and a pull that finds no room keeps its own", async () => {
    const cacheLimitBytes = 8 * MB;
    await runPlan({ cacheLimitBytes });
    const kept = filesBelow(directory.resolve("cache")).map((path) => statSync(path).size);
    expect(kept.reduce((sum, size) => sum + size, 0)).toBeLessThan(cacheLimitBytes);
    downloaded();
    const summary = await runPull({ cacheLimitBytes, cacheDirectory: directory.resolve("new") });
    expect(summary).toMatchObject({ complete: true });
    expect(downloaded()).toBeLessThan(12.2 * MB);
  });

  test("is shared by two runs at once", async () => {
    const both = await Promise.all([runPull(), runPull({ bundle: "other" }), runPlan()]);
    expect(both).toMatchObject([{ complete: true }, { complete: true }, {}]);
    downloaded();
    await runPlan({ bundle: "third" });
    expect(downloaded()).toBeLessThan(0.1 * MB);
    const names = await readdir(directory.resolve("cache"), { recursive: true });
    expect(names.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("stays where it was when the cache cannot be written, with a notice", async () => {
    await mkdir(directory.resolve("home"));
    await writeFile(directory.resolve("home", "cache"), "a file");
    await chmod(directory.resolve("home"), 0o500);
    const cacheDirectory = directory.resolve("home", "cache");
    const plan = await runPlan({ cacheDirectory });
    expect(plan.notices).toContainEqual({
      code: "CACHE_UNUSABLE",
      message: expect.stringContaining(cacheDirectory),
    });
    downloaded();
    expect(await runPull({ cacheDirectory })).toMatchObject({ complete: true });
    expect(downloaded()).toBeLessThan(plan.fetchBytes + 0.1 * MB);
    await chmod(directory.resolve("home"), 0o700);
  });

  test("is written into the directory of the bundle only after the check of the space", async () => {
    const seen: string[][] = [];
    const onEvent = (event: PullEvent) => {
      if (event.type !== "resolving") return;
      seen.push(
        filesBelow(directory.resolve("bundle")).filter((path) => !/\.mirror\/lock/.test(path)),
      );
    };
    await runPull({ onEvent });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.flat()).toEqual([]);
  });
});
