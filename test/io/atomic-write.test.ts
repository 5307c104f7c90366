import { type FileHandle, mkdir, open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { syncDirectory, writeFileAtomically } from "../../src/io/atomic-write.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

/** Makes every sync of a directory fail, as a disk or a file system does, and no sync of a file. */
async function failDirectorySync(code: string): Promise<AsyncDisposable> {
  const sample = await open(".", "r");
  const prototype = Object.getPrototypeOf(sample) as FileHandle;
  await sample.close();
  const { sync } = prototype;
  prototype.sync = async function (this: FileHandle) {
    if (!(await this.stat()).isDirectory()) return await sync.call(this);
    throw Object.assign(new Error(`${code}: fsync`), { code, syscall: "fsync" });
  };
  return {
    [Symbol.asyncDispose]: async () => {
      prototype.sync = sync;
    },
  };
}

describe("writeFileAtomically()", () => {
  test("does not take the place of what is no file", async () => {
    await using directory = await openTempDirectory();
    // Never a device of this machine: it would be gone where this fails
    const socket = directory.resolve("socket");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    onTestFinished(() => void server.close());
    await expect(writeFileAtomically(socket, "new")).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("it is a socket and no file"),
    });
    expect(await readdir(directory.path)).toEqual(["socket"]);
  });

  test("replaces the content and leaves nothing else behind", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("file");
    await writeFile(path, "a longer text than the new one");
    await writeFileAtomically(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readdir(directory.path)).toEqual(["file"]);
  });

  test("writes over what an interrupted run left", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("file");
    await writeFile(`${path}.tmp`, "half of something that was longer");
    await writeFileAtomically(path, Buffer.from("new"));
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readdir(directory.path)).toEqual(["file"]);
  });

  test("writes pieces one behind the other", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("file");
    await writeFileAtomically(path, ["one ", "", "zwö ", "x".repeat(100_000)]);
    expect(await readFile(path, "utf8")).toBe(`one zwö ${"x".repeat(100_000)}`);
  });

  test("keeps a private file to its owner, by a name that nobody can have prepared", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("file");
    await writeFile(path, "old", { mode: 0o644 });
    await writeFile(`${path}.tmp`, "of another program");
    await writeFileAtomically(path, "new", { isPrivate: true });
    expect(await readFile(path, "utf8")).toBe("new");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readdir(directory.path)).sort()).toEqual(["file", "file.tmp"]);
  });

  test("keeps the old content and cleans up when it cannot replace", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("directory");
    await mkdir(path);
    await writeFile(directory.resolve("directory", "kept"), "");
    const failed = writeFileAtomically(path, "new");
    await expect(failed).rejects.toMatchObject({ code: "STORAGE_FAILED", path });
    expect(await readdir(directory.path)).toEqual(["directory"]);
    expect(await readdir(path)).toEqual(["kept"]);
  });

  test("does not call a file written whose name the medium did not take", async () => {
    await using directory = await openTempDirectory();
    await using _ = await failDirectorySync("EIO");
    const failed = writeFileAtomically(directory.resolve("file"), "new");
    await expect(failed).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      path: directory.path,
      reason: "the medium reports an input/output error",
    });
  });

  test("names a directory that is gone", async () => {
    await using directory = await openTempDirectory();
    const failed = writeFileAtomically(directory.resolve("gone", "file"), "");
    await expect(failed).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});

describe("syncDirectory()", () => {
  test("passes over what cannot be synced", async () => {
    await using directory = await openTempDirectory();
    await expect(syncDirectory(directory.resolve("gone"))).resolves.toBeUndefined();
    await expect(syncDirectory(directory.path)).resolves.toBeUndefined();
  });

  test.each(["EINVAL", "EPERM", "ENOTSUP", "EBADF"])(
    "passes over a system that cannot sync directories (%s)",
    async (code) => {
      await using directory = await openTempDirectory();
      await using _ = await failDirectorySync(code);
      await expect(syncDirectory(directory.path)).resolves.toBeUndefined();
    },
  );
});
