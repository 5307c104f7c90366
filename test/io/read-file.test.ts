import { symlink, truncate, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { AppendLog } from "../../src/io/append-log.ts";
import { writeFileAtomically } from "../../src/io/atomic-write.ts";
import { openFile } from "../../src/io/open-file.ts";
import { readFile, readLimited, readNamedText } from "../../src/io/read-file.ts";
import { runProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";

describe("readFile()", () => {
  test.each([0, 1, 65_535, 65_536, 200_000])("reads %d bytes", async (size) => {
    await using directory = await openTempDirectory();
    const bytes = Buffer.alloc(size, "x");
    await writeFile(directory.resolve("file"), bytes);
    expect((await readFile(directory.resolve("file"))).equals(bytes)).toBe(true);
  });

  test("reads files that say they have no bytes", async () => {
    expect(await readFile("/proc/self/status", "utf8")).toContain("Name:");
  });

  test.each([
    ["UTF-8", Buffer.from("é = 1\n")],
    ["UTF-8 with a mark", Buffer.from("\ufeffé = 1\n")],
    ["UTF-16 of Windows", Buffer.from("\ufeffé = 1\n", "utf16le")],
    ["UTF-16 of others", Buffer.from("\ufeffé = 1\n", "utf16le").swap16()],
  ])("gives the text of %s without its mark, also of what the user names", async (_, bytes) => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("file");
    await writeFile(path, bytes);
    expect(await readFile(path, "utf8")).toBe("é = 1\n");
    expect(await readNamedText(path)).toBe("é = 1\n");
  });

  test("stops at the limit", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("file");
    await writeFile(path, "12345");
    expect(await readLimited(path, 5)).toHaveLength(5);
    await expect(readLimited(path, 4)).rejects.toThrow(/it has more than 4 bytes/);
    await truncate(path, 2 ** 40);
    await expect(readFile(path)).rejects.toThrow(/it has more than/);
  });

  test("says what the system says of what is not there, and of directories", async () => {
    await using directory = await openTempDirectory();
    await expect(readFile(directory.resolve("none"))).rejects.toThrow(/does not exist/);
    await expect(readFile(directory.path)).rejects.toThrow(/it is a directory/);
  });
});

requireTool("mkfifo").describe("what is no file", () => {
  test("is neither read nor written", async () => {
    await using directory = await openTempDirectory();
    const pipe = directory.resolve("pipe");
    await runProcess("mkfifo", [pipe]);
    await symlink("/dev/zero", directory.resolve("zero"));
    const refusal = { code: "STORAGE_FAILED", message: expect.stringContaining("named pipe") };
    await expect(readFile(pipe)).rejects.toMatchObject(refusal);
    await expect(openFile(pipe)).rejects.toMatchObject(refusal);
    expect(() => AppendLog.open(pipe)).toThrow(/named pipe/);
    await runProcess("mkfifo", [directory.resolve("new.tmp")]);
    await expect(writeFileAtomically(directory.resolve("new"), "x")).rejects.toThrow(/named pipe/);
    await expect(readFile(directory.resolve("zero"))).rejects.toThrow(/a device/);
    await expect(readNamedText(directory.resolve("zero"))).rejects.toThrow(/a device/);
  });

  test("is read where a user names what another program writes", async () => {
    await using directory = await openTempDirectory();
    const pipe = directory.resolve("pipe");
    await runProcess("mkfifo", [pipe]);
    const [text] = await Promise.all([
      readNamedText(pipe),
      runProcess("sh", ["-c", 'echo content > "$0"', pipe]),
    ]);
    expect(text).toBe("content\n");
  });
});
