import { cp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BLOCK_BYTES } from "../../src/tar/block.ts";
import { pullSample } from "../crash/support/resume.ts";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 2 * MIB;

let registry: FaultRegistry;
let directory: TempDirectory;
let sums: Awaited<ReturnType<typeof hashFiles>>;
let count = 0;

beforeAll(async () => {
  registry = await startFaultRegistry();
  const built = image({
    layers: [randomLayer(MIB, 1), randomLayer(3 * MIB, 2), randomLayer(MIB, 3)],
  });
  seed(registry, "acme/web", { v1: built });
  directory = await openTempDirectory();
  await pullSample(directory.resolve("whole"), wishes(), { chunkSizeBytes: CHUNK_BYTES });
  sums = await hashFiles(directory.resolve("whole"));
});

afterAll(async () => {
  await registry?.close();
  await directory?.[Symbol.asyncDispose]();
});

describe("a complete bundle that is damaged is repaired by the same pull", () => {
  test.each([
    [
      "a byte of a layer",
      (bundle: string) => flip(`${bundle}/images.tar.0001.chunk`, MIB),
      3 * MIB,
    ],
    ["the header of a layer", flipHeader, 3 * MIB],
    ["a chunk that is missing", (bundle: string) => rm(`${bundle}/images.tar.0000.chunk`), 6 * MIB],
    [
      "a chunk that is too short",
      (bundle: string) => truncate(`${bundle}/images.tar.0002.chunk`, 10),
      5 * MIB,
    ],
    ["its check sums", (bundle: string) => flip(`${bundle}/SHA256SUMS`, 3), 0],
    ["check sums that are missing", (bundle: string) => rm(`${bundle}/SHA256SUMS`), 0],
  ])("%s", async (_title, damage, limit) => {
    const bundle = await copyOf("whole");
    await damage(bundle);
    const { summary } = await pullSample(bundle, wishes(), { chunkSizeBytes: CHUNK_BYTES });
    expect(summary.complete).toBe(true);
    expect(summary.notices.map(({ code }) => code)).toEqual(["BUNDLE_CHECKED", "BUNDLE_REPAIRED"]);
    // Documents are asked for, as tags are looked up again
    expect(summary.fetchedBytes).toBeLessThanOrEqual(limit + 10_000);
    expect(await hashFiles(bundle)).toEqual(sums);
    expect((await readdir(bundle)).sort()).toEqual(
      (await readdir(directory.resolve("whole"))).sort(),
    );
  });

  test("also where its manifest is damaged, if it is forced: nothing is fetched twice", async () => {
    const bundle = await copyOf("whole");
    await flip(`${bundle}/bundle.json`, 0);
    const again = pullSample(bundle, wishes(), { chunkSizeBytes: CHUNK_BYTES });
    await expect(again).rejects.toThrow(/"bundle.json" is damaged/);
    const { summary } = await pullSample(bundle, wishes(), {
      chunkSizeBytes: CHUNK_BYTES,
      force: true,
    });
    expect(summary.fetchedBytes).toBeLessThan(10_000);
    expect(await hashFiles(bundle)).toEqual(sums);
  });
});

describe("a complete bundle is left as it is", () => {
  test("where it is whole", async () => {
    const bundle = await copyOf("whole");
    const again = pullSample(bundle, wishes(), { chunkSizeBytes: CHUNK_BYTES });
    await expect(again).rejects.toMatchObject({
      code: "BUNDLE_DIRECTORY_OCCUPIED",
      message: expect.stringContaining("it holds a complete bundle"),
    });
    expect(await hashFiles(bundle)).toEqual(sums);
  });

  test("where other wishes are pulled into it, damaged or not", async () => {
    const bundle = await copyOf("whole");
    await flip(`${bundle}/images.tar.0001.chunk`, MIB);
    const other = pullSample(bundle, wishes(), { chunkSizeBytes: MIB });
    await expect(other).rejects.toMatchObject({ code: "BUNDLE_DIRECTORY_OCCUPIED" });
  });
});

function wishes() {
  return { includeImages: [`${registry.host}/acme/web:v1`] };
}

async function copyOf(name: string): Promise<string> {
  const bundle = directory.resolve(`copy-${count++}`);
  await cp(directory.resolve(name), bundle, { recursive: true });
  return bundle;
}

async function flip(path: string, position: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, position);
  await file.close();
}

/** The header in front of a layer: only what it names is lost with it. */
async function flipHeader(bundle: string): Promise<void> {
  const path = `${bundle}/images.tar.0000.chunk`;
  const bytes = await readFile(path);
  const at = bytes.indexOf("blobs/sha256/", 20 * BLOCK_BYTES);
  bytes[at - (at % BLOCK_BYTES) + 5] = 0;
  await writeFile(path, bytes);
  expect((await stat(path)).size).toBe(bytes.length);
}
