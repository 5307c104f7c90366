import { writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { describe, expect, test } from "vitest";
import { checksumOf } from "../../src/tar/block.ts";
import { formatEntryHeader } from "../../src/tar/entry-header.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { findTool, requireTool } from "../support/tool.ts";

const HEX = "ab".repeat(32);
const GIB = 2 ** 30;
const USTAR_LIMIT = 8 * GIB - 1;

const ascii = (block: Buffer, start: number, end: number) => block.toString("latin1", start, end);

describe("formatEntryHeader()", () => {
  test("writes one ustar block with fixed owner, mode and time", () => {
    const header = formatEntryHeader({ path: "modules/foo/oci-layout", size: 30 });
    expect(header).toHaveLength(512);
    expect({
      name: ascii(header, 0, 100).replace(/\0+$/, ""),
      mode: ascii(header, 100, 108),
      uid: ascii(header, 108, 116),
      gid: ascii(header, 116, 124),
      size: ascii(header, 124, 136),
      mtime: ascii(header, 136, 148),
      type: ascii(header, 156, 157),
      link: ascii(header, 157, 257),
      magic: ascii(header, 257, 265),
      rest: ascii(header, 265, 512),
    }).toEqual({
      name: "modules/foo/oci-layout",
      mode: "0000644\0",
      uid: "0000000\0",
      gid: "0000000\0",
      size: "00000000036\0",
      mtime: "00000000000\0",
      type: "0",
      link: "\0".repeat(100),
      magic: "ustar\u000000",
      rest: "\0".repeat(247),
    });
    expect(ascii(header, 148, 156)).toBe(`${checksumOf(header).toString(8).padStart(6, "0")}\0 `);
  });

  test.each([
    ["a name of 100 bytes", "a".repeat(100), "", "a".repeat(100)],
    [
      "a longer path, split at the first slash that leaves a name that fits",
      `modules/a-module-with-a-long-name/extra/scanner/blobs/sha256/${HEX}`,
      "modules/a-module-with-a-long-name",
      `extra/scanner/blobs/sha256/${HEX}`,
    ],
    [
      "the longest prefix",
      `${"p".repeat(155)}/${"n".repeat(100)}`,
      "p".repeat(155),
      "n".repeat(100),
    ],
  ])("keeps %s in the block", (_, path, prefix, name) => {
    const header = formatEntryHeader({ path, size: 1 });
    expect(header).toHaveLength(512);
    const found = {
      name: ascii(header, 0, 100).replace(/\0+$/, ""),
      prefix: ascii(header, 345, 500).replace(/\0+$/, ""),
    };
    expect(found).toEqual({ prefix, name });
    expect(prefix === "" ? name : `${prefix}/${name}`).toBe(path);
  });

  test.each([
    ["a name of 101 bytes without a slash", "a".repeat(101)],
    ["a prefix of 156 bytes", `${"p".repeat(156)}/${"n".repeat(100)}`],
    ["a name of 101 bytes behind a slash", `p/${"n".repeat(101)}`],
  ])("puts %s into a PAX record", (_, path) => {
    const header = formatEntryHeader({ path, size: 1 });
    expect(header).toHaveLength(3 * 512);
    expect(ascii(header, 156, 157)).toBe("x");
    expect(ascii(header, 1024 + 156, 1024 + 157)).toBe("0");
    const record = ascii(header, 512, 1024).replace(/\0+$/, "");
    expect(record).toBe(`${record.length} path=${path}\n`);
  });

  test("keeps sizes below 8 GiB in the block", () => {
    const header = formatEntryHeader({ path: "a", size: USTAR_LIMIT });
    expect(header).toHaveLength(512);
    expect(ascii(header, 124, 136)).toBe("77777777777\0");
  });

  test("puts sizes from 8 GiB on into a PAX record", () => {
    const header = formatEntryHeader({ path: "a", size: 8 * GIB });
    expect(ascii(header, 512, 1024).replace(/\0+$/, "")).toBe("19 size=8589934592\n");
  });

  test("counts the digits of a record's length as part of it", () => {
    for (let length = 101; length <= 1100; length++) {
      const path = "a".repeat(length);
      const record = ascii(formatEntryHeader({ path, size: 1 }), 512, 512 + length + 16);
      const [digits = ""] = record.split(" ", 1);
      expect(record[Number(digits) - 1], `path of ${length}`).toBe("\n");
    }
  });
});

/** Paths that need each of the forms. */
const PATHS = [
  "oci-layout",
  `modules/foo/blobs/sha256/${HEX}`,
  `modules/a-module-with-a-long-name/extra/scanner/blobs/sha256/${HEX}`,
  `modules/foo/blobs/sha512/${HEX}${HEX}`,
  `${"deep/".repeat(60)}index.json`,
];

function tarOf(paths: readonly string[]): Buffer {
  const content = Buffer.from("content");
  return Buffer.concat([
    ...paths.flatMap((path) => [
      formatEntryHeader({ path, size: content.length }),
      content,
      Buffer.alloc(512 - content.length),
    ]),
    Buffer.alloc(1024),
  ]);
}

describe("a tar of these headers", () => {
  test("is read by tar-stream", async () => {
    const found: unknown[] = [];
    const reader = extract();
    reader.on("entry", ({ name, size, type, mode, mtime }, stream, next) => {
      found.push({ name, size, type, mode, mtime: mtime?.getTime() });
      stream.resume();
      stream.on("end", next);
    });
    await pipeline(Readable.from([tarOf(PATHS)]), reader as unknown as NodeJS.WritableStream);
    const fixed = { size: 7, type: "file", mode: 0o644, mtime: 0 };
    expect(found).toEqual(PATHS.map((name) => ({ name, ...fixed })));
  });

  test("with a size of more than 8 GiB is read by tar-stream", async () => {
    const size = 9 * GIB;
    const reader = extract();
    const header = new Promise((resolve) => {
      reader.on("entry", ({ name, size: found }, stream) => {
        stream.on("error", () => {});
        resolve({ name, size: found });
        reader.destroy();
      });
    });
    reader.on("error", () => {});
    reader.end(formatEntryHeader({ path: "large", size }));
    expect(await header).toEqual({ name: "large", size });
  });

  requireTool("tar").test("is listed by tar", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("x.tar");
    await writeFile(path, tarOf(PATHS));
    const env = { TZ: "UTC", LC_ALL: "C" };
    const tar = findTool("tar") ?? "tar";
    const { stdout, stderr, exitCode } = await runProcess(tar, ["tvf", path, "--numeric-owner"], {
      env,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout.trimEnd().split("\n")).toEqual(
      PATHS.map((name) => expect.stringMatching(new RegExp(`^-rw-r--r-- .* ${name}$`))),
    );
    expect(stdout).toMatch(/^-rw-r--r-- 0\/0 +7 1970-01-01 00:00 oci-layout$/m);
  });
});
