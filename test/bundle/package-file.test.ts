import { readdir, readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PackageFile } from "../../src/bundle/package-file.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const FILES = ["a", "b", "c"].map((name) => ({ name, size: 10 }));
const BYTES = Buffer.from("0123456789abcdefghijABCDEFGHIJ");

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

describe("PackageFile.truncate()", () => {
  test.each([
    [30, "0123456789abcdefghijABCDEFGHIJ"],
    [29, "0123456789abcdefghijABCDEFGHI"],
    [20, "0123456789abcdefghij"],
    [11, "0123456789a"],
    [0, ""],
  ])("to %i bytes leaves %j, also for who has the files open", async (position, left) => {
    const options = { directory: directory.path, files: FILES };
    await using file = new PackageFile({ ...options, mode: "write" });
    await file.write(0, [BYTES]);
    await using reader = new PackageFile({ ...options, mode: "read" });
    const buffer = Buffer.alloc(BYTES.length);
    expect(await reader.read(0, buffer)).toBe(BYTES.length);
    await reader.truncate(position);
    const names = await readdir(directory.path);
    const texts = names.sort().map((name) => readFile(directory.resolve(name), "utf8"));
    expect((await Promise.all(texts)).join("")).toBe(left);
    expect(names).toHaveLength(Math.ceil(position / 10));
    if (position > 0) expect(await reader.read(0, buffer.subarray(0, position))).toBe(position);
  });

  test("leaves files alone that are shorter already or not there", async () => {
    const options = { directory: directory.path, files: FILES };
    await using file = new PackageFile({ ...options, mode: "write" });
    await file.write(0, [BYTES.subarray(0, 4)]);
    await file.truncate(8);
    await file.truncate(25);
    expect(await readdir(directory.path)).toEqual(["a"]);
    expect(await readFile(directory.resolve("a"), "utf8")).toBe("0123");
  });
});
