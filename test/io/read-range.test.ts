import { open, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { readFully } from "../../src/io/read-range.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

describe("readFully()", () => {
  test.each([
    ["fills the buffer from the position", 2, 3, "cde"],
    ["stops at the end of the file", 4, 5, "ef"],
    ["finds nothing behind the end", 9, 2, ""],
  ])("%s", async (_, position, length, wanted) => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("file");
    await writeFile(path, "abcdef");
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(length);
      const found = await readFully(file, buffer, position, path);
      expect(buffer.toString("utf8", 0, found)).toBe(wanted);
    } finally {
      await file.close();
    }
  });

  test("names the file when reading fails", async () => {
    await using directory = await openTempDirectory();
    const file = await open(directory.path);
    try {
      const failed = readFully(file, Buffer.alloc(1), 0, directory.path);
      await expect(failed).rejects.toMatchObject({ code: "STORAGE_FAILED", path: directory.path });
    } finally {
      await file.close();
    }
  });
});
