import { describe, expect, test } from "vitest";
import { recycleReadBuffer } from "../../src/io/read-buffers.ts";
import { readChunks } from "../../src/io/read-chunks.ts";

const MIB = 1024 * 1024;

/** Fills memory with the lowest bytes of the positions. */
async function count(memory: Buffer, position: number): Promise<void> {
  for (let index = 0; index < memory.length; index += 1) memory[index] = position + index;
}

describe("readChunks", () => {
  test("gives every byte once and in order, from the first to the last that is wanted", async () => {
    const [start, end] = [100_003, 1_700_001];
    let position = start;
    for await (const piece of readChunks({ start, end }, count)) {
      for (const byte of piece) if (byte !== position++ % 256) throw new Error(`at ${position}`);
      recycleReadBuffer(piece);
    }
    expect(position).toBe(end);
  });

  test("gives nothing of an empty range", async () => {
    expect(await readChunks({ start: 7, end: 7 }, count).next()).toMatchObject({ done: true });
  });

  test("holds one small piece for each of a thousand readers that stand still", async () => {
    let asked = 0;
    const read = async (memory: Buffer) => {
      asked += memory.length;
    };
    const readers = Array.from({ length: 1000 }, () => readChunks({ start: 0, end: MIB }, read));
    for (const reader of readers) await reader.next();
    expect(asked).toBeLessThan(64 * MIB);
    const before = asked;
    const late = readChunks({ start: 0, end: MIB }, read);
    expect((await late.next()).value).toHaveLength(32 * 1024);
    expect(asked - before).toBe(32 * 1024);
    for (const reader of [...readers, late]) await reader.return(undefined);
    const alone = readChunks({ start: 0, end: MIB }, read);
    expect((await alone.next()).value).toHaveLength(MIB);
    await alone.return(undefined);
  });

  test("rejects with what a read ahead failed with, when its turn comes", async () => {
    const failure = new Error("medium");
    const read = async (_: Buffer, position: number) => {
      if (position > 0) throw failure;
    };
    const pieces = readChunks({ start: 0, end: 4 * MIB }, read);
    expect((await pieces.next()).done).toBe(false);
    await expect(pieces.next()).rejects.toBe(failure);
  });
});
