import { buffer } from "node:stream/consumers";
import { type Header, pack } from "tar-stream";
import { describe, expect, test } from "vitest";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import { checksumOf } from "../../src/tar/block.ts";
import { formatEntryHeader } from "../../src/tar/entry-header.ts";
import { type ScannedEntry, scanTar } from "../../src/tar/scan.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { findTool, requireTool } from "../support/tool.ts";

class CorruptTar extends Error {
  readonly offset: number;

  constructor(offset: number, reason: string) {
    super(reason);
    this.offset = offset;
  }
}

interface Scanned {
  readonly entries: readonly ScannedEntry[];
  readonly error?: CorruptTar;
}

async function scan(tar: Buffer): Promise<Scanned> {
  const entries: ScannedEntry[] = [];
  try {
    const scanned = scanTar({
      size: tar.length,
      read: async (position, length) => tar.subarray(position, position + length),
      corrupt: (offset, reason) => new CorruptTar(offset, reason),
    });
    for await (const entry of scanned) entries.push(entry);
    return { entries };
  } catch (error) {
    if (!(error instanceof CorruptTar)) throw error;
    return { entries, error };
  }
}

const END = Buffer.alloc(1024);

function file(path: string, content: string | Buffer = "content"): Buffer {
  const bytes = Buffer.from(content);
  return block(Buffer.concat([formatEntryHeader({ path, size: bytes.length }), bytes]));
}

/** Zeros up to the next whole block. */
function block(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** Changes header bytes and makes the checksum right again. */
function patched(tar: Buffer, at: number, bytes: string | Buffer, headerOffset = 0): Buffer {
  const copy = Buffer.from(tar);
  Buffer.from(bytes).copy(copy, headerOffset + at);
  const header = copy.subarray(headerOffset, headerOffset + 512);
  header.write(`${checksumOf(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return copy;
}

/** An extended header with these bytes. */
function extended(type: "x" | "g" | "L" | "K", content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const header = formatEntryHeader({ path: "extended", size: bytes.length });
  return Buffer.concat([patched(header, 156, type), block(bytes)]);
}

function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length)
    length = String(length).length + rest.length;
  return `${length}${rest}`;
}

async function packed(...headers: (Partial<Header> & { name: string })[]): Promise<Buffer> {
  const archive = pack();
  for (const header of headers) {
    archive.entry(header, header.type === "file" || !header.type ? "content" : "");
  }
  archive.finalize();
  return buffer(archive as unknown as AsyncIterable<Buffer>);
}

describe("scanTar()", () => {
  test("yields files with the place of their header and data", async () => {
    const tar = Buffer.concat([file("a"), file("b/c", "x".repeat(513)), file("d", ""), END]);
    expect(await scan(tar)).toEqual({
      entries: [
        { path: "a", type: "file", headerOffset: 0, offset: 512, size: 7 },
        { path: "b/c", type: "file", headerOffset: 1024, offset: 1536, size: 513 },
        { path: "d", type: "file", headerOffset: 2560, offset: 3072, size: 0 },
      ],
    });
  });

  test("yields directories", async () => {
    const tar = await packed({ name: "blobs/", type: "directory" }, { name: "blobs/a" });
    const { entries, error } = await scan(tar);
    expect(error).toBeUndefined();
    expect(entries.map(({ path, type }) => [path, type])).toEqual([
      ["blobs/", "directory"],
      ["blobs/a", "file"],
    ]);
  });

  test("starts at a position", async () => {
    const tar = Buffer.concat([file("a"), file("b"), END]);
    const found: string[] = [];
    const read = async (position: number, length: number) =>
      tar.subarray(position, position + length);
    const corrupt = (offset: number, reason: string) => new CorruptTar(offset, reason);
    for await (const { path } of scanTar({ read, size: tar.length, corrupt, start: 1024 })) {
      found.push(path);
    }
    expect(found).toEqual(["b"]);
  });

  test("reads no data of the entries", async () => {
    const tar = Buffer.concat([file("a", Buffer.alloc(4_000_000)), file("b"), END]);
    let bytes = 0;
    const read = async (position: number, length: number) => {
      bytes += length;
      return tar.subarray(position, position + length);
    };
    const corrupt = (offset: number, reason: string) => new CorruptTar(offset, reason);
    const scanned = scanTar({ read, size: tar.length, corrupt });
    for await (const entry of scanned) expect(entry.type).toBe("file");
    expect(bytes).toBeLessThan(300_000);
  });

  test.each([
    ["a path of its own", `${"deep/".repeat(60)}index.json`],
    ["a name of 101 bytes", "n".repeat(101)],
    ["characters outside ASCII", `${"ü".repeat(60)}`],
  ])("reads %s from a PAX record of our own", async (_, path) => {
    const { entries, error } = await scan(Buffer.concat([file(path), END]));
    expect(error).toBeUndefined();
    expect(entries).toMatchObject([{ path, headerOffset: 0, size: 7 }]);
  });

  test("reads a size of more than 8 GiB from a PAX record", async () => {
    const size = 9 * 2 ** 30;
    const head = formatEntryHeader({ path: "large", size });
    const total = head.length + size + 1024;
    const read = async (position: number, length: number) => {
      const bytes = Buffer.alloc(Math.min(length, total - position));
      head.subarray(Math.min(position, head.length)).copy(bytes);
      return bytes;
    };
    const corrupt = (offset: number, reason: string) => new CorruptTar(offset, reason);
    const entries: ScannedEntry[] = [];
    for await (const entry of scanTar({ read, size: total, corrupt })) entries.push(entry);
    expect(entries).toEqual([
      { path: "large", type: "file", headerOffset: 0, offset: head.length, size },
    ]);
  });

  test("reads GNU long names", async () => {
    const path = "n".repeat(300);
    const tar = Buffer.concat([extended("L", `${path}\0`), file("short"), END]);
    expect((await scan(tar)).entries).toMatchObject([{ path, headerOffset: 0 }]);
  });

  test("reads sizes in base 256", async () => {
    const tar = patched(
      Buffer.concat([file("a"), END]),
      124,
      Buffer.from("800000000000000000000007", "hex"),
    );
    expect((await scan(tar)).entries).toMatchObject([{ path: "a", size: 7 }]);
  });

  test("passes over comments for all entries", async () => {
    const tar = Buffer.concat([extended("g", record("comment", "hello")), file("a"), END]);
    expect((await scan(tar)).entries).toMatchObject([{ path: "a" }]);
  });

  test("takes a PAX record for one entry only", async () => {
    const tar = Buffer.concat([
      extended("x", record("path", "renamed")),
      file("a"),
      file("b"),
      END,
    ]);
    const { entries } = await scan(tar);
    expect(entries.map(({ path }) => path)).toEqual(["renamed", "b"]);
  });

  requireTool("tar").test.each(["gnu", "ustar", "pax", "v7", "oldgnu"])(
    "reads what tar writes as %s",
    async (format) => {
      await using directory = await openTempDirectory();
      const paths = ["a", format === "v7" ? "b/c" : `b/${"long-".repeat(25)}/name`];
      const script = `for f in "$@"; do mkdir -p "$(dirname "$f")"; echo "$f" > "$f"; done
        ${findTool("tar")} -c --format=${format} -f x.tar "$@"; cat x.tar`;
      const { stdout } = await runProcess("sh", ["-c", script, "sh", ...paths], {
        cwd: directory.path,
      });
      const { entries, error } = await scan(Buffer.from(stdout, "latin1"));
      expect(error).toBeUndefined();
      expect(entries.map(({ path }) => path)).toEqual(paths);
    },
  );

  test.each(["0", "\0"])(
    "knows a directory of a header before ustar by its name, type %j",
    async (type) => {
      const tar = Buffer.concat([patched(file("blobs/", ""), 156, type), file("blobs/a"), END]);
      const { entries } = await scan(tar);
      expect(entries.map((entry) => [entry.path, entry.type])).toEqual([
        ["blobs/", "directory"],
        ["blobs/a", "file"],
      ]);
    },
  );
});

describe("scanTar() of a hostile tar", () => {
  const one = Buffer.concat([file("one", "1".repeat(600)), END]);
  const sizeField = (text: string) => patched(one, 124, Buffer.from(text, "latin1"));

  test.each<[string, Buffer, number, RegExp]>([
    [
      "a header whose checksum does not match",
      Buffer.concat([file("ok"), one]).fill(0x41, 1024, 1025),
      1024,
      /checksum/,
    ],
    [
      "a link",
      patched(Buffer.concat([file("ok"), one]), 156, "2", 1024),
      1024,
      /"one" is neither a regular file/,
    ],
    ["a hard link", patched(one, 156, "1"), 0, /neither a regular file/],
    ["a device", patched(one, 156, "3"), 0, /neither a regular file/],
    ["a pipe", patched(one, 156, "6"), 0, /neither a regular file/],
    ["a sparse file", patched(one, 156, "S"), 0, /neither a regular file/],
    [
      "a sparse file of PAX",
      Buffer.concat([extended("x", record("GNU.sparse.major", "1")), one]),
      0,
      /sparse/,
    ],
    ["a GNU long link", Buffer.concat([extended("K", "x\0"), one]), 0, /neither a regular file/],
    ["an entry of several volumes", patched(one, 156, "M"), 0, /neither a regular file/],
    [
      "a size over the end",
      sizeField("00000100000\0"),
      0,
      /claims 32768 bytes, more than are left/,
    ],
    ["the largest octal size", sizeField("77777777777\0"), 0, /more than are left/],
    [
      "a negative size",
      patched(one, 124, Buffer.from("ffffffffffffffffffffffff", "hex")),
      0,
      /unreadable size/,
    ],
    [
      "a size over 2^53",
      patched(one, 124, Buffer.from("800000000080000000000000", "hex")),
      0,
      /unreadable size/,
    ],
    ["a size that is no number", sizeField("0000000x130\0"), 0, /unreadable size/],
    ["a size with a sign", sizeField("-0000000007\0"), 0, /unreadable size/],
    [
      "a PAX size over the end",
      Buffer.concat([extended("x", record("size", "9999999999999999")), one]),
      1024,
      /more than are left/,
    ],
    [
      "a PAX size that is no number",
      Buffer.concat([extended("x", record("size", "-1")), one]),
      0,
      /the size "-1" is unreadable/,
    ],
    [
      "a PAX record that runs over its block",
      Buffer.concat([extended("x", "99 path=a\n"), one]),
      0,
      /extended header is unreadable/,
    ],
    [
      "a PAX record without a length",
      Buffer.concat([extended("x", "path=a\n"), one]),
      0,
      /extended header is unreadable/,
    ],
    [
      "a PAX record of length 0",
      Buffer.concat([extended("x", "0 path=a\n"), one]),
      0,
      /extended header is unreadable/,
    ],
    [
      "a PAX record without a key",
      Buffer.concat([extended("x", record("", "a")), one]),
      0,
      /extended header is unreadable/,
    ],
    [
      "an extended header of 100 KiB",
      Buffer.concat([extended("x", record("comment", "c".repeat(100_000))), one]),
      0,
      /extended header is too large/,
    ],
    [
      "a path for all entries",
      Buffer.concat([extended("g", record("path", "../x")), one]),
      0,
      /for all entries/,
    ],
    [
      "an extended header at the end",
      Buffer.concat([file("ok"), extended("x", record("path", "x")), END]),
      2048,
      /has no entry/,
    ],
    [
      "a directory with data",
      patched(Buffer.concat([file("d/", "x".repeat(512)), END]), 156, "5"),
      0,
      /directory "d\/" claims 512 bytes/,
    ],
    [
      "a header of zeros in the middle",
      Buffer.concat([file("ok"), Buffer.alloc(512), one]),
      1024,
      /the archive ends here, but data follows at byte 1536/,
    ],
    [
      "an end in the middle",
      Buffer.concat([file("ok"), END, one]),
      1024,
      /the archive ends here, but data follows at byte 2048/,
    ],
    [
      "data far behind the end",
      Buffer.concat([file("ok"), Buffer.alloc(300_000), Buffer.from("x")]),
      1024,
      /data follows at byte 301024/,
    ],
    ["no end blocks", file("ok"), 1024, /end-of-archive blocks are missing/],
    [
      "a bit in the first end block",
      Buffer.concat([file("ok"), END]).fill(1, 1100, 1101),
      1024,
      /end-of-archive blocks are not zeros/,
    ],
    [
      "a bit in the second end block",
      Buffer.concat([file("ok"), END]).fill(1, 1600, 1601),
      1600,
      /end-of-archive blocks are not zeros/,
    ],
    ["text instead of a tar", Buffer.alloc(4096, "text "), 0, /checksum/],
    ["half a block", Buffer.alloc(100, 1), 0, /the header is cut off/],
    ["nothing", Buffer.alloc(0), 0, /end-of-archive blocks are missing/],
  ])("refuses %s", async (_, tar, offset, reason) => {
    const { error } = await scan(tar);
    expect(error?.message).toMatch(reason);
    expect(error?.offset).toBe(offset);
  });

  const valid = Buffer.concat([
    file("modules/foo/oci-layout"),
    file(`${"deep/".repeat(60)}name`, "x".repeat(1500)),
    extended("L", `${"n".repeat(300)}\0`),
    file("short", "y".repeat(40)),
    file("empty", ""),
    END,
  ]);

  test("gives a correct answer or an offset for a valid tar cut at each block", async () => {
    const whole = await scan(valid);
    expect(whole.error).toBeUndefined();
    for (let length = 0; length < valid.length; length += 512) {
      const { entries, error } = await scan(valid.subarray(0, length));
      expect(entries, `cut at ${length}`).toEqual(whole.entries.slice(0, entries.length));
      // One of the two end blocks is as good as both
      if (length === valid.length - 512) expect(entries).toEqual(whole.entries);
      else expect(error?.offset, `cut at ${length}`).toBeLessThanOrEqual(length);
    }
  });

  test("gives a correct answer or an offset for 2000 flipped bits", async () => {
    const whole = await scan(valid);
    const random = pseudoRandomBytes(7, 0, 2000 * 5);
    for (let round = 0; round < 2000; round++) {
      const at = random.readUInt32LE(round * 5) % valid.length;
      const mask = 1 << (random.readUInt8(round * 5 + 4) % 8);
      const damaged = Buffer.from(valid);
      damaged.writeUInt8(damaged.readUInt8(at) ^ mask, at);
      const { entries, error } = await scan(damaged);
      if (error) expect(error.offset).toBeLessThanOrEqual(at);
      // Data has no checksum in a tar, and the names of extended headers are data
      else expect(entries.map(placeOf), `byte ${at}`).toEqual(whole.entries.map(placeOf));
    }
  });

  function placeOf({ type, headerOffset, offset, size }: ScannedEntry) {
    return { type, headerOffset, offset, size };
  }
});
