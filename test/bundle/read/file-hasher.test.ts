import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FileHasher } from "../../../src/bundle/read/file-hasher.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

const BYTES = Buffer.alloc(2_500_000, "some content of a file ");
const SHA256 = createHash("sha256").update(BYTES).digest("hex");
const LITTLE = { totalBytes: BYTES.length };
const MUCH = { totalBytes: 1e12 };

test.each([
  ["little is hashed here", LITTLE],
  ["much is hashed in a thread", MUCH],
])("Whatever hashes it, a file has one hash: %s", async (_, options) => {
  await using directory = await openTempDirectory();
  const path = join(directory.path, "file");
  await writeFile(path, BYTES);
  await using hasher = new FileHasher(options);
  hasher.advance(0, path, 1_000_000);
  expect(await hasher.finish(0, path, BYTES.length)).toEqual({ sha256: SHA256 });
});

test.each([
  ["here", LITTLE],
  ["in a thread", MUCH],
])("A file that is shorter than it was is named, when it is hashed %s", async (_, options) => {
  await using directory = await openTempDirectory();
  const path = join(directory.path, "file");
  await writeFile(path, BYTES);
  await using hasher = new FileHasher(options);
  await expect(hasher.finish(0, path, BYTES.length + 1)).rejects.toMatchObject({
    code: "STORAGE_FAILED",
    path,
    message: expect.stringContaining(`ends at byte ${BYTES.length}`),
  });
});
