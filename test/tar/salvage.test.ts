import { describe, expect, test } from "vitest";
import { formatEntryHeader } from "../../src/tar/entry-header.ts";
import { salvageTar, type TarDamage } from "../../src/tar/salvage.ts";

const PATHS = ["a", "b", "c", "d"];
const ENTRY_BYTES = 512 + 1024;

/** Four entries of 1000 bytes each. */
function tar(): Buffer {
  return Buffer.concat([
    ...PATHS.flatMap((path) => [
      formatEntryHeader({ path, size: 1000 }),
      Buffer.alloc(1000, path),
      Buffer.alloc(24),
    ]),
    Buffer.alloc(1024),
  ]);
}

interface Gap {
  readonly start: number;
  readonly end: number;
}

async function salvage(bytes: Buffer, gap: Gap = { start: 0, end: 0 }) {
  const damages: TarDamage[] = [];
  const found: string[] = [];
  const salvaged = salvageTar({
    size: bytes.length,
    read: async (position, length) => {
      const isBefore = position < gap.start;
      const end = isBefore ? gap.start : position < gap.end ? position : bytes.length;
      return bytes.subarray(position, Math.min(position + length, end));
    },
    skipGap: (position) => (position >= gap.start && position < gap.end ? gap.end : position),
    accepts: (path) => PATHS.includes(path),
    onDamage: (damage) => damages.push(damage),
  });
  for await (const { path } of salvaged) found.push(path);
  return { found, damages };
}

describe("salvageTar()", () => {
  test("yields all entries of a sound tar", async () => {
    expect(await salvage(tar())).toEqual({ found: PATHS, damages: [] });
  });

  test("goes on at the next header behind a damaged one", async () => {
    const bytes = tar();
    bytes.writeUInt8(1, ENTRY_BYTES + 200);
    expect(await salvage(bytes)).toEqual({
      found: ["a", "c", "d"],
      damages: [
        {
          start: ENTRY_BYTES,
          end: 2 * ENTRY_BYTES,
          offset: ENTRY_BYTES,
          reason: "the header's checksum does not match",
          path: "b",
        },
      ],
    });
  });

  test("guesses no name that no entry may have", async () => {
    const bytes = tar();
    bytes.write("?", ENTRY_BYTES);
    const { damages } = await salvage(bytes);
    expect(damages).toHaveLength(1);
    expect(damages[0]).not.toHaveProperty("path");
  });

  test("passes over headers in data whose names no entry may have", async () => {
    const bytes = tar();
    bytes.writeUInt8(1, ENTRY_BYTES + 200);
    formatEntryHeader({ path: "nested", size: 0 }).copy(bytes, ENTRY_BYTES + 512);
    expect((await salvage(bytes)).found).toEqual(["a", "c", "d"]);
  });

  test("goes on behind a gap", async () => {
    const gap = { start: ENTRY_BYTES + 100, end: 2 * ENTRY_BYTES + 100 };
    const { found, damages } = await salvage(tar(), gap);
    expect(found).toEqual(["a", "d"]);
    expect(damages).toMatchObject([{ start: ENTRY_BYTES, end: 3 * ENTRY_BYTES }]);
  });

  test("reports every damage when there are several", async () => {
    const bytes = tar();
    bytes.writeUInt8(1, 200);
    bytes.writeUInt8(1, 2 * ENTRY_BYTES + 200);
    const { found, damages } = await salvage(bytes);
    expect(found).toEqual(["b", "d"]);
    expect(damages.map(({ offset }) => offset)).toEqual([0, 2 * ENTRY_BYTES]);
  });

  test("ends when nothing is left", async () => {
    const { found, damages } = await salvage(Buffer.alloc(5000, "text "));
    expect(found).toEqual([]);
    expect(damages).toMatchObject([{ start: 0, end: 5000 }]);
  });

  test("throws what is no damage", async () => {
    const salvaged = salvageTar({
      size: 1024,
      read: () => Promise.reject(new TypeError("a bug")),
      skipGap: (position) => position,
      accepts: () => true,
      onDamage: () => {},
    });
    await expect(salvaged.next()).rejects.toThrow("a bug");
  });
});
