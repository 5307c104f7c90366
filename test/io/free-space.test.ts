import { statfs } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { readFileSystem } from "../../src/io/free-space.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

describe("readFileSystem()", () => {
  test("tells the free bytes of an existing directory", async () => {
    await using directory = await openTempDirectory();
    const found = await readFileSystem(directory.path);
    const { blocks, bsize } = await statfs(directory.path);
    expect(found?.freeBytes).toBeGreaterThan(0);
    expect(found?.freeBytes).toBeLessThanOrEqual(blocks * bsize);
  });

  test("looks at the nearest parent of a path that does not exist", async () => {
    await using directory = await openTempDirectory();
    const found = await readFileSystem(directory.resolve("not", "yet", "there"));
    expect(found?.freeBytes).toBeGreaterThan(0);
  });

  test("knows no limit of files where there is none", async () => {
    await using directory = await openTempDirectory();
    expect(await readFileSystem(directory.path)).not.toHaveProperty("fileLimitBytes");
  });
});
