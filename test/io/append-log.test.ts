import { appendFile, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AppendLog, readAppendLog } from "../../src/io/append-log.ts";
import { SpaceExhaustedError, StorageFailedError } from "../../src/io/errors.ts";
import { mountSmallFileSystem } from "../support/small-file-system.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const RECORDS = [{ f: 1 }, { m: 2, n: 300 }, { text: "ünïcödé \n\t" }, { f: 4 }];

function writeLog(path: string, records: readonly unknown[] = RECORDS): void {
  using log = AppendLog.open(path);
  for (const record of records) log.append(record);
}

describe("readAppendLog()", () => {
  test("gives back what was appended, in order", async () => {
    await using directory = await openTempDirectory();
    writeLog(directory.resolve("log"));
    expect(await readAppendLog(directory.resolve("log"))).toEqual(RECORDS);
  });

  test("reads a missing file as an empty log", async () => {
    await using directory = await openTempDirectory();
    expect(await readAppendLog(directory.resolve("log"))).toEqual([]);
  });

  test("names a log that cannot be read", async () => {
    await using directory = await openTempDirectory();
    const failed = readAppendLog(directory.path);
    await expect(failed).rejects.toMatchObject({ code: "STORAGE_FAILED", path: directory.path });
  });

  test("gives the records before a torn tail, cut at any byte", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("log");
    writeLog(path);
    const whole = await readFile(path);
    const ends = RECORDS.map((_, count) => endOf(whole, count + 1));
    for (let length = whole.length; length >= 0; length--) {
      await truncate(path, length);
      const complete = ends.filter((end) => end <= length).length;
      expect(await readAppendLog(path), `cut at ${length}`).toEqual(RECORDS.slice(0, complete));
    }
  });

  test("goes on behind a torn tail, cut at any byte", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("log");
    writeLog(path);
    const whole = await readFile(path);
    const last = endOf(whole, RECORDS.length - 1);
    for (let length = last; length < whole.length; length += 3) {
      await writeFile(path, whole.subarray(0, length));
      writeLog(path, [{ f: 5 }]);
      expect(await readAppendLog(path)).toEqual([...RECORDS.slice(0, -1), { f: 5 }]);
    }
  });

  test("leaves out exactly the record that a flipped bit is in, at any byte", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("log");
    writeLog(path);
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
      await writeFile(path, damaged);
      const found = await readAppendLog(path);
      expect(RECORDS.filter((record) => !found.some((item) => isSame(item, record))).length)
        // The break between two records belongs to both
        .toBeLessThanOrEqual(whole[at] === 0x0a && at > 0 ? 2 : 1);
      expect(found.length).toBeLessThan(at === 0 ? RECORDS.length + 1 : RECORDS.length);
    }
  });

  test("skips lines that are no records", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("log");
    writeLog(path);
    await appendFile(path, '\nnonsense\n\t\n0000000000000000\t{"f":9}');
    expect(await readAppendLog(path)).toEqual(RECORDS);
  });
});

describe("AppendLog", () => {
  test("has written a record when append returns", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("log");
    using log = AppendLog.open(path);
    for (const record of RECORDS) {
      log.append(record);
      expect((await readAppendLog(path)).at(-1)).toEqual(record);
    }
  });

  test("names a directory that is gone", async () => {
    await using directory = await openTempDirectory();
    expect(() => AppendLog.open(directory.resolve("gone", "log"))).toThrow(StorageFailedError);
  });

  test("reports a full disk", async (context) => {
    await using disk = await mountSmallFileSystem(64 * 1024);
    if (!disk) return context.skip();
    using log = AppendLog.open(join(disk.path, "log"));
    await writeFile(join(disk.path, "filler"), Buffer.alloc(128 * 1024)).catch(() => {});
    expect(() => log.append({ f: 1 })).toThrow(SpaceExhaustedError);
  });
});

/** Length of a log with only the first `count` records. */
function endOf(whole: Buffer, count: number): number {
  let end = 0;
  for (let found = 0; found < count; found++) {
    const next = whole.indexOf(0x0a, end + 1);
    end = next < 0 ? whole.length : next;
  }
  return end;
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
