import { readdir, writeFile } from "node:fs/promises";
import { beforeEach, expect, test } from "vitest";
import { KeptFiles, type KeptFilesOptions } from "../../../src/cache/served/kept-files.ts";
import { eachTest } from "../../support/fixture.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

const HOUR = 3_600_000;

let time: number;

const directory = eachTest(openTempDirectory);

beforeEach(async () => {
  time = Date.now();
});

const open = (options: Partial<KeptFilesOptions> = {}) =>
  KeptFiles.open(directory.path, { now: () => time, ...options });

async function write(files: KeptFiles, name: string, size = 100): Promise<void> {
  await writeFile(await files.prepare(name), Buffer.alloc(size));
  files.add(name, size);
  time += 1000;
}

test("what was used longest ago goes first when there is too much", async () => {
  const files = await open({ limitBytes: 300 });
  for (const name of ["a", "b", "c"]) await write(files, name);
  files.hold("a")();
  await write(files, "d");
  await files.evict();
  expect((await readdir(directory.path)).sort()).toEqual(["a", "d"]);
  expect(files.usedBytes).toBe(200);
});

test("what is held stays until it is let go", async () => {
  const files = await open({ limitBytes: 100 });
  await write(files, "a");
  const release = files.hold("a");
  await write(files, "b");
  time += 30 * 24 * HOUR;
  await files.evict();
  expect(await readdir(directory.path)).toEqual(["a"]);
  release();
  time += 30 * 24 * HOUR;
  await files.evict();
  expect(await readdir(directory.path)).toEqual([]);
});

test("what was not used for too long goes, whatever room there is", async () => {
  const files = await open({ ttlMs: HOUR });
  await write(files, "a");
  await write(files, "b");
  time += HOUR - 2000;
  files.hold("b")();
  time += 2000;
  await files.evict();
  expect(await readdir(directory.path)).toEqual(["b"]);
});

test("another process finds what is there, when it was used, and nothing that was not finished", async () => {
  const first = await open();
  await write(first, "a/b", 7);
  await writeFile(directory.resolve("a", "c.tmp"), "half");
  const second = await open();
  expect([second.sizeOf("a/b"), second.usedBytes]).toEqual([7, 7]);
  expect(await readdir(directory.resolve("a"))).toEqual(["b"]);
});
