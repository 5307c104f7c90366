import { writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readImageLists } from "../../../src/cli/options/read-image-lists.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

describe("readImageLists()", () => {
  test("reads files and stdin in the order given", async () => {
    await using directory = await openTempDirectory();
    const file = directory.resolve("images.txt");
    await writeFile(file, "web:v1\n");
    const stdin = Readable.from([Buffer.from("db:v2\n")]);
    expect(await readImageLists(["-", file], stdin)).toEqual(["db:v2", "web:v1"]);
  });

  test("leaves out blank lines, comments and spaces at the ends", async () => {
    const text =
      "\uFEFF# base\r\nweb:v1\r\n\r\n  db@^2.1   # the database\n\t\nimage@>=1.1.0 <1.3.0";
    expect(await readImageLists(["-"], Readable.from([Buffer.from(text)]))).toEqual([
      "web:v1",
      "db@^2.1",
      "image@>=1.1.0 <1.3.0",
    ]);
  });

  test("refuses to read stdin twice", async () => {
    await expect(readImageLists(["-", "-"], Readable.from([]))).rejects.toThrow(/only once/);
  });

  test("names a file that cannot be read", async () => {
    await expect(readImageLists(["/nonexistent"], Readable.from([]))).rejects.toThrow(
      'Cannot read the image list "/nonexistent"',
    );
  });
});
