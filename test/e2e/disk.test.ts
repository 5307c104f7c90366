import { readdirSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedCatalogue } from "../../src/demo/catalogue.ts";
import {
  openRegistryClient,
  type ParseSelectionOptions,
  parseSelection,
  pull,
} from "../../src/index.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { listFiles, sum } from "./support/bundle-directory.ts";
import { seedModules } from "./support/product-module.ts";
import { traceMirror } from "./support/written-paths.ts";

const MB = 1_000_000;

let directory: TempDirectory;
let source: EmbeddedRegistry;
let target: EmbeddedRegistry;

beforeAll(async () => {
  directory = await openTempDirectory();
  [source, target] = [await openEmbeddedRegistry(), await openEmbeddedRegistry()];
  seedCatalogue(source);
  seedModules(source, "wide", [{ name: "foo", versions: ["v1.3.0", "v1.4.0"], bytes: 9 * MB }]);
  await mkdir(directory.resolve("work"));
  await writeFile(directory.resolve("work", "foreign"), "foreign");
  seed(source, "acme/large", {
    "v1.0.0": image({
      layers: [randomLayer(9 * MB, 1), randomLayer(8 * MB, 2), randomLayer(3 * MB, 3)],
    }),
    "v2.0.0": image({
      layers: [randomLayer(9 * MB, 1), randomLayer(8 * MB, 4), randomLayer(3 * MB, 5)],
    }),
  });
});

afterAll(async () => {
  await target?.close();
  await source?.close();
  await directory?.[Symbol.asyncDispose]();
});

/** Nothing can be written to it. */
const TMPDIR = "/nonexistent";

/** A directory that is offered for work and belongs to somebody else. */
const work = () => ["--tmp-dir", directory.resolve("work")];

const selection = () => [
  ...["--source", `${source.host}/acme`, "-i", "foo@^1.3.0"],
  ...["--include-image", `${source.host}/acme/large@>=1`],
];

requireTool("strace").describe("under strace", () => {
  test("mirror pull writes below the bundle directory only, and every byte once", async () => {
    const bundle = directory.resolve("traced");
    const { changed, result, ...moved } = await trace(
      ...["pull", bundle, ...selection(), "-c", "4MB", "--gost-digest", ...work()],
    );
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.filter((path) => path !== bundle && !path.startsWith(`${bundle}/`))).toEqual([]);
    const files = Object.entries(await listFiles(bundle));
    const chunks = files.filter(([name]) => name.endsWith(".chunk"));
    const size = sum(chunks.map(([, bytes]) => bytes));
    const inChunks = (counts: ReadonlyMap<string, number>) =>
      sum([...counts].map(([path, count]) => (/\.chunk(\.partial)?$/.test(path) ? count : 0)));
    expect(inChunks(moved.written)).toBe(size);
    // sha256 and GOST digest of the files come from the same read; then configs say what system their images are for
    expect(inChunks(moved.read)).toBeGreaterThanOrEqual(size);
    expect(inChunks(moved.read)).toBeLessThan(size + 10_000);
  });

  test("mirror push writes the receipt and the state beside the bundle, and nothing else", async () => {
    const bundle = directory.resolve("pushed");
    const pulled = await runMirror(["pull", bundle, ...selection()]);
    expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
    const before = await listFiles(bundle);
    const receipt = directory.resolve("receipt.json");
    const { changed, result } = await trace(
      "push",
      bundle,
      `${target.host}/repo`,
      "--receipt",
      receipt,
      ...work(),
    );
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
    const others = changed.filter(
      (path) => !path.startsWith(receipt) && !path.startsWith(`${bundle}/.mirror`),
    );
    expect(others).toEqual([]);
    expect(await listFiles(bundle)).toEqual(before);
  });

  test.each([
    ["verify", () => ["verify", directory.resolve("pushed")]],
    ["inspect", () => ["inspect", directory.resolve("pushed")]],
    ["plan", () => ["plan", directory.resolve("planned"), ...selection()]],
  ])("mirror %s writes nothing", async (_, args) => {
    const { changed, result } = await trace(...args());
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
    expect(changed).toEqual([]);
  });
});

describe("disk use", () => {
  test.each<[string, { wishes: () => ParseSelectionOptions; extraBytes: number }]>([
    [
      "images",
      { wishes: () => ({ includeImages: [`${source.host}/acme/large@>=1`] }), extraBytes: 0 },
    ],
    [
      // Their layers are read for lists of further images and then moved, a few pieces at a time
      "modules",
      {
        wishes: () => ({ source: `${source.host}/wide`, includeModules: ["foo@^1.3.0"] }),
        extraBytes: 4 * MB,
      },
    ],
  ])("pull() of %s never takes more than 1.01 times the bundle", async (name, options) => {
    const bundlePath = directory.resolve(`measured-${name}`);
    await using client = openRegistryClient({});
    const { selection } = parseSelection(options.wishes());
    let peak = 0;
    const { bytes, complete } = await pull({
      bundlePath,
      selection,
      openSource: (reference) => client.repository(reference),
      onEvent: () => {
        peak = Math.max(peak, allocatedBytes(bundlePath));
      },
    });
    expect(complete).toBe(true);
    expect(bytes).toBeGreaterThan(30 * MB);
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThanOrEqual(1.01 * bytes + options.extraBytes);
  });

  test("mirror pull and push work where nothing can be written to TMPDIR", async () => {
    const options = { cwd: directory.path, env: { TMPDIR } };
    const pulled = await runMirror(["pull", "untemporary", ...selection()], options);
    expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
    const pushed = await runMirror(["push", "untemporary", `${target.host}/again`], options);
    expect(pushed, pushed.stderr).toMatchObject({ exitCode: 0 });
  });
});

let traces = 0;

function trace(...args: readonly string[]) {
  const tracePath = directory.resolve(`trace-${traces++}`);
  return traceMirror(args, { cwd: directory.path, env: { TMPDIR }, tracePath });
}

/** Bytes that the files of a directory take on the disk: planned ones are sparse until they are written. */
function allocatedBytes(path: string): number {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return sum(files.map((entry) => sizeOnDisk(join(entry.parentPath, entry.name))));
}

function sizeOnDisk(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}
