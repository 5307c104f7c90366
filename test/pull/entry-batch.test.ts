import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BundleWriter } from "../../src/bundle/write/bundle-writer.ts";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { PullJournal, readPullJournal } from "../../src/pull/directory/pull-journal.ts";
import { planWork } from "../../src/pull/directory/transfer-plan.ts";
import { EntryBatch } from "../../src/pull/entry-batch.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const BLOBS = Array.from({ length: 300 }, (_, index) => pseudoRandomBytes(index, 0, 100 + index));
const LAYERS = BLOBS.map((bytes) => ({
  mediaType: "x/y",
  digest: digestOf(bytes),
  size: bytes.length,
}));
const [ROOT = never()] = LAYERS;
const { plans, tasks } = planWork({
  contents: [
    {
      name: "images",
      kind: "images",
      layouts: [
        {
          path: "",
          images: [
            {
              repository: "acme/web",
              tags: ["v1"],
              root: ROOT,
              kind: "image",
              source: "registry.test/acme/web:v1",
              platforms: [],
              documents: [],
              layers: LAYERS,
              origin: { registry: "registry.test", repository: "acme/web" },
            },
          ],
        },
      ],
    },
  ],
});

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

test("The journal speaks of small blobs when they lie in the file, and of all that were flushed", async () => {
  const path = directory.resolve("journal");
  using journal = new PullJournal(path);
  await using writer = new BundleWriter(directory.path, plans);
  const batch = new EntryBatch({ writer, journal, onFailure: fail });
  const written: number[] = [];
  let seen: ReadonlySet<number> = new Set();
  for (const task of tasks) {
    await batch.add({
      task,
      bytes: bytesOf(task.digest),
      onWritten: async () => void written.push(task.id),
    });
    const told = [...written];
    const { finished } = await readPullJournal(path);
    expect(told.filter((id) => !finished.has(id))).toEqual([]);
    const fresh = [...finished].filter((id) => !seen.has(id));
    const file = fresh.length > 0 ? await readFile(`${tarPath()}.partial`) : Buffer.alloc(0);
    for (const id of fresh) expect(file.includes(bytesOf(tasks.at(id)?.digest ?? ""))).toBe(true);
    seen = finished;
  }
  // Some were written before anybody asked for it
  expect(written.length).toBeGreaterThan(0);
  await batch.flush();
  expect((await readPullJournal(path)).finished.size).toBe(BLOBS.length);
  await writer.writeGenerated();
  await writer.finishPackage(0);
  const tar = await readFile(tarPath());
  for (const bytes of BLOBS) expect(tar.includes(bytes)).toBe(true);
});

test("A blob that waits is written though none follows it", async () => {
  using journal = new PullJournal(directory.resolve("journal"));
  await using writer = new BundleWriter(directory.path, plans);
  const batch = new EntryBatch({ writer, journal, onFailure: fail });
  const task = tasks.at(0) ?? never();
  await new Promise<void>((resolve) => {
    void batch.add({ task, bytes: bytesOf(task.digest), onWritten: async () => resolve() });
  });
});

test("What could not be written is told, and the journal does not speak of it", async () => {
  const path = directory.resolve("journal");
  using journal = new PullJournal(path);
  const writer = new BundleWriter(directory.resolve("missing"), plans);
  const batch = new EntryBatch({ writer, journal, onFailure: fail });
  const task = tasks.at(0) ?? never();
  await batch.add({ task, bytes: bytesOf(task.digest), onWritten: async () => never() });
  await expect(batch.flush()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  await expect(batch.flush()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  expect((await readPullJournal(path)).finished.size).toBe(0);
});

function tarPath(): string {
  return directory.resolve(plans[0]?.files[0]?.name ?? "");
}

function bytesOf(digest: string): Buffer {
  return BLOBS.find((bytes) => digestOf(bytes) === digest) ?? never();
}

function fail(error: unknown): void {
  throw error;
}

function never(): never {
  throw new Error("this does not happen");
}
