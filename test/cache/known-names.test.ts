import { writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { KnownNames } from "../../src/cache/known-names.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
  await writeFile(directory.resolve("there"), "");
  return async () => await directory[Symbol.asyncDispose]();
});

describe("KnownNames", () => {
  test("knows what is in a directory, and in one that was never made", async () => {
    const names = new KnownNames();
    expect(await names.mayHave(directory.resolve("there"))).toBe(true);
    expect(await names.mayHave(directory.resolve("not there"))).toBe(false);
    expect(await names.mayHave(directory.resolve("missing", "not there"))).toBe(false);
  });

  test("lists a directory once, however many names are asked for", async () => {
    const names = new KnownNames();
    await names.mayHave(directory.resolve("another"));
    await writeFile(directory.resolve("later"), "");
    expect(await names.mayHave(directory.resolve("later"))).toBe(false);
    names.add(directory.resolve("later"));
    expect(await names.mayHave(directory.resolve("later"))).toBe(true);
  });

  test("keeps what is added while the directory is listed", async () => {
    const names = new KnownNames();
    const asked = names.mayHave(directory.resolve("later"));
    names.add(directory.resolve("later"));
    await asked;
    expect(await names.mayHave(directory.resolve("later"))).toBe(true);
  });

  test("leaves the first questions to who asks, where that is cheaper than a listing", async () => {
    const names = new KnownNames({ patience: 2 });
    const asked = [1, 2, 3].map(() => names.mayHave(directory.resolve("not there")));
    expect(await Promise.all(asked)).toEqual([true, true, false]);
  });
});
