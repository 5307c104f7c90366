import { describe, expect, test } from "vitest";
import {
  hasErrorCode,
  StorageFailedError,
  storageError,
  TargetLockedError,
} from "../../src/io/errors.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: something, write`), { code });
}

describe("storageError()", () => {
  test.each(["ENOSPC", "EDQUOT"])("makes %s an exhausted space", (code) => {
    const cause = systemError(code);
    const error = storageError(cause, "/b/x.tar");
    expect(error).toMatchObject({ code: "SPACE_EXHAUSTED", path: "/b/x.tar", cause });
    expect(error).toMatchObject({ message: 'Cannot write to "/b/x.tar": no space is left' });
    expect(error).toMatchObject({ hint: expect.stringContaining("goes on where it stopped") });
  });

  test.each([
    ["EIO", "the medium reports an input/output error"],
    ["EROFS", "the file system is read-only"],
    ["EACCES", "permission denied"],
    ["EPERM", "the operation is not permitted"],
    ["EMFILE", "too many files are open"],
    ["ENOENT", "it does not exist or was removed meanwhile"],
    ["ENODEV", "the device is gone"],
    ["ENXIO", "the device is gone"],
    ["ESTALE", "the network file system has lost it"],
    ["ENAMETOOLONG", "the name is too long for this file system"],
    ["EFBIG", "the file is too large for this file system"],
    ["ENOTDIR", "a part of the path is not a directory"],
    ["EISDIR", "it is a directory"],
    ["EEXIST", "it is a file"],
  ])("explains %s and says what to do", (code, reason) => {
    const cause = systemError(code);
    const error = storageError(cause, "/b");
    expect(error).toMatchObject({ code: "STORAGE_FAILED", path: "/b", cause });
    expect(error).toMatchObject({ message: `Cannot access "/b": ${reason}` });
    expect(error).toMatchObject({ hint: expect.stringMatching(/^[A-Z].*[^.]$/) });
  });

  test.each([
    ["ELOOP", "its links lead in a circle"],
    ["EBUSY", "it is in use"],
    ["ENFILE", "too many files are open on this machine"],
    ["ENOMEM", "the system has no memory left"],
    ["ETIMEDOUT", "the file system does not answer"],
    ["EHOSTDOWN", "the file system does not answer"],
    ["ENOTCONN", "the file system does not answer"],
    ["EREMOTEIO", "the medium reports an input/output error"],
    ["EINVAL", "the file system refuses the operation"],
    ["EWHATEVER", "the system reports EWHATEVER"],
  ])("takes %s of a system call for a failure of the storage", (code, reason) => {
    const cause = Object.assign(systemError(code), { syscall: "open" });
    const error = storageError(cause, "/b");
    expect(error).toMatchObject({ code: "STORAGE_FAILED", path: "/b", cause });
    expect(error).toMatchObject({ message: `Cannot access "/b": ${reason}` });
    expect(error).toMatchObject({ hint: expect.stringMatching(/^[A-Z].*[^.]$/) });
  });

  test.runIf(process.platform === "linux").each([
    [74, "STORAGE_FAILED", "the file system is damaged"],
    [116, "STORAGE_FAILED", "the network file system has lost it"],
    [117, "STORAGE_FAILED", "the file system is damaged"],
    [122, "SPACE_EXHAUSTED", "no space is left"],
    [123, "STORAGE_FAILED", "there is no medium in the drive"],
    [9999, "STORAGE_FAILED", "the system reports error 9999"],
  ])("knows error %i, which Node.js has no name for", (errno, code, reason) => {
    const cause = systemError(`Unknown system error -${errno}`);
    const error = storageError(Object.assign(cause, { errno: -errno, syscall: "read" }), "/b");
    expect(error).toMatchObject({ code, path: "/b", message: expect.stringContaining(reason) });
  });

  test.each<[string, unknown]>([
    [
      "an error of the program",
      Object.assign(new TypeError("a bug"), { code: "ERR_INVALID_ARG_TYPE" }),
    ],
    ["an error without a code", new TypeError("a bug")],
    ["an error of ours", new TargetLockedError("/b", "someone")],
    ["what is no error", "text"],
  ])("gives %s back as it is", (_, error) => {
    expect(storageError(error, "/b")).toBe(error);
  });
});

describe("hasErrorCode()", () => {
  test("is true for one of the codes", () => {
    expect(hasErrorCode(systemError("ENOENT"), "EEXIST", "ENOENT")).toBe(true);
  });

  test("is false for other codes and for what has none", () => {
    expect(hasErrorCode(systemError("EIO"), "ENOENT")).toBe(false);
    expect(hasErrorCode(new Error("ENOENT"), "ENOENT")).toBe(false);
    expect(hasErrorCode({ code: "ENOENT" }, "ENOENT")).toBe(false);
  });

  test("sees what the system said in a failure of the storage", () => {
    const error = storageError(systemError("ENOENT"), "/b");
    expect(hasErrorCode(error, "ENOENT")).toBe(true);
    expect(hasErrorCode(error, "EEXIST")).toBe(false);
  });

  test("sees the code of our own errors too", () => {
    expect(hasErrorCode(new StorageFailedError("/b", "why"), "STORAGE_FAILED")).toBe(true);
  });
});
