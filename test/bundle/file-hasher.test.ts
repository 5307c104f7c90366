import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FileHasher } from "../../src/bundle/file-hasher.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

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

const MIB = 1024 * 1024;

/** A file of four MiB whose last three may turn out to be wrong, of which three have been read. */
async function followed(act: (hasher: FileHasher, path: string) => Promise<void>): Promise<void> {
  await using directory = await openTempDirectory();
  const [path, other] = [join(directory.path, "file"), join(directory.path, "other")];
  await writeFile(path, Buffer.alloc(4 * MIB, "first"));
  await writeFile(other, BYTES);
  await using hasher = new FileHasher(MUCH);
  hasher.advance(0, path, 2 * MIB, MIB);
  hasher.advance(0, path, 3 * MIB, MIB);
  // one request after the other: what was asked before is done
  await hasher.finish(1, other, BYTES.length);
  await act(hasher, path);
}

test("Bytes that turn out to be wrong are hashed again, and those before them are not", () =>
  followed(async (hasher, path) => {
    await writeFile(path, Buffer.alloc(4 * MIB, "other"));
    hasher.goBack(0, path, MIB);
    hasher.advance(0, path, 3 * MIB, MIB);
    const hashed = Buffer.concat([Buffer.alloc(MIB, "first"), Buffer.alloc(4 * MIB, "other")]);
    hashed.copy(hashed, MIB, 2 * MIB);
    const sha256 = createHash("sha256").update(hashed.subarray(0, 4 * MIB));
    expect(await hasher.finish(0, path, 4 * MIB)).toEqual({ sha256: sha256.digest("hex") });
  }));

test("Bytes that turn out to be right are not read again", () =>
  followed(async (hasher, path) => {
    await writeFile(path, Buffer.alloc(4 * MIB, "other"));
    const sha256 = createHash("sha256").update(Buffer.alloc(3 * MIB, "first"));
    sha256.update(Buffer.alloc(4 * MIB, "other").subarray(3 * MIB));
    expect(await hasher.finish(0, path, 4 * MIB)).toEqual({ sha256: sha256.digest("hex") });
  }));
