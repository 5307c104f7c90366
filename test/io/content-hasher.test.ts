import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ContentHasher } from "../../src/io/content-hasher.ts";

const MIB = 1024 * 1024;

function pieces(count: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.from(new Uint8Array(randomBytes(MIB)).buffer));
}

describe.each([
  ["in this thread", MIB],
  ["in a thread of its own", 10 * MIB],
])("a hash %s", (_, size) => {
  test.each(["sha256", "sha384", "sha512"])("is that of node:crypto for %s", async (algorithm) => {
    await using hasher = new ContentHasher();
    const hash = hasher.open(algorithm, size);
    const expected = createHash(algorithm);
    for (const piece of pieces(3)) {
      expected.update(piece);
      await hash.update(piece);
    }
    expect(await hash.digest()).toBe(expected.digest("hex"));
  });

  test("gives the memory back with its bytes", async () => {
    await using hasher = new ContentHasher();
    const hash = hasher.open("sha256", size);
    const [piece] = pieces(1);
    const copy = Buffer.from(piece as Buffer);
    const back = await hash.update((piece as Buffer).subarray(100, 200));
    expect(Buffer.from(back.buffer).equals(copy)).toBe(true);
    expect(Buffer.from(back)).toEqual(copy.subarray(100, 200));
    hash.discard();
  });

  test("of no bytes is that of no bytes", async () => {
    await using hasher = new ContentHasher();
    const expected = createHash("sha256").digest("hex");
    expect(await hasher.open("sha256", size).digest()).toBe(expected);
  });
});

test("hashes that run at once are kept apart", async () => {
  await using hasher = new ContentHasher();
  const contents = [pieces(2), pieces(3), pieces(1)];
  const hashes = contents.map(() => hasher.open("sha256", 3 * MIB));
  const expected = contents.map((content) => {
    const hash = createHash("sha256");
    for (const piece of content) hash.update(piece);
    return hash.digest("hex");
  });
  for (let turn = 0; turn < 3; turn++) {
    const updates = contents.map(async (content, index) => {
      const piece = content[turn];
      if (piece) await hashes[index]?.update(piece);
    });
    await Promise.all(updates);
  }
  expect(await Promise.all(hashes.map((hash) => hash.digest()))).toEqual(expected);
});

test("a hash that was given up ignores what still comes and gives its memory back", async () => {
  await using hasher = new ContentHasher();
  const hash = hasher.open("sha256", 2 * MIB);
  await hash.update(Buffer.alloc(MIB, 1));
  hash.discard();
  const late = Buffer.alloc(MIB, 2);
  expect(await hash.update(late)).toBe(late);
});

test("a hash ends with an error when the hasher is closed", async () => {
  const hasher = new ContentHasher();
  const hash = hasher.open("sha256", 2 * MIB);
  await hash.update(Buffer.alloc(MIB));
  const pending = hash.update(Buffer.alloc(MIB));
  const closing = hasher[Symbol.asyncDispose]();
  // What was asked before the end may still be answered
  await pending.catch((error) => expect(String(error)).toContain("closed"));
  await closing;
  await expect(hash.digest()).rejects.toThrow("closed");
});

test("an unknown algorithm is an error of the hash, not of the thread", async () => {
  await using hasher = new ContentHasher();
  await expect(hasher.open("sha0", 2 * MIB).update(Buffer.alloc(1))).rejects.toThrow();
  const hash = hasher.open("sha256", 2 * MIB);
  await hash.update(Buffer.alloc(3, "abc"));
  expect(await hash.digest()).toBe(createHash("sha256").update("abc").digest("hex"));
});
