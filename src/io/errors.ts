import { constants } from "node:os";
import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import { option } from "../option.ts";

/** Another run holds the bundle. */
export class TargetLockedError extends MirrorError {
  override readonly code = "TARGET_LOCKED";
  readonly path: string;
  readonly holder: string;

  constructor(path: string, holder: string, options?: MirrorErrorOptions) {
    super(`Cannot use "${path}": ${holder} is working on it`, {
      hint: "Wait for that run to end, or end it, and start again",
      ...options,
    });
    this.path = path;
    this.holder = holder;
  }
}

/** The file system has no room, found before the start or by a write. */
export class SpaceExhaustedError extends MirrorError {
  override readonly code = "SPACE_EXHAUSTED";
  readonly path: string;

  constructor(path: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot write to "${path}": ${reason}`, {
      hint: "Free space or choose another directory, then run the same command again: it goes on where it stopped",
      ...options,
    });
    this.path = path;
  }
}

/** The operating system refused or failed to read or write. */
export class StorageFailedError extends MirrorError {
  override readonly code = "STORAGE_FAILED";
  readonly path: string;
  readonly reason: string;

  constructor(path: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot access "${path}": ${reason}`, options);
    this.path = path;
    this.reason = reason;
  }
}

/** What has the name of a file is none, or is larger than what it should hold. */
export class UnfitFileError extends StorageFailedError {}

/** A file is no longer what it was when it was looked at, or is gone. */
export class FileChangedError extends MirrorError {
  override readonly code = "FILE_CHANGED";
  readonly path: string;

  constructor(path: string, options?: MirrorErrorOptions) {
    super(`Cannot take "${path}": it has changed while it was read`, {
      hint: "End what writes to it, and run the same command again: it is read anew",
      ...options,
    });
    this.path = path;
  }
}

const REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  EIO: [
    "the medium reports an input/output error",
    "Check the medium and its cable, then run the same command again",
  ],
  EREMOTEIO: [
    "the medium reports an input/output error",
    "Check the medium and its cable, then run the same command again",
  ],
  EROFS: ["the file system is read-only", "Mount it for writing or choose another directory"],
  EACCES: ["permission denied", "Choose a directory that you may use, or change its permissions"],
  EPERM: [
    "the operation is not permitted",
    "Choose a directory that you may use, or change its permissions",
  ],
  EMFILE: ["too many files are open", "Raise the limit of open files (ulimit -n)"],
  ENOENT: [
    "it does not exist or was removed meanwhile",
    "Check the path, and that the medium is still mounted",
  ],
  ESTALE: [
    "the network file system has lost it",
    "Mount the medium again, then run the same command again",
  ],
  ENAMETOOLONG: ["the name is too long for this file system", "Choose a shorter path"],
  ENODEV: ["the device is gone", "Mount the medium again, then run the same command again"],
  ENXIO: ["the device is gone", "Mount the medium again, then run the same command again"],
  EFBIG: [
    "the file is too large for this file system",
    `Choose another file system, or let a bundle have files of 4000MB: ${option("chunkSizeBytes")}`,
  ],
  ENOTDIR: ["a part of the path is not a directory", "Check the path"],
  EISDIR: ["it is a directory", "Check the path"],
  EEXIST: ["it is a file", "Name a directory, or remove the file"],
  ELOOP: ["its links lead in a circle", "Check the symbolic links on the path"],
  EBUSY: ["it is in use", "End what uses it, then run the same command again"],
  ENFILE: [
    "too many files are open on this machine",
    "End other programs, or raise the system's limit of open files",
  ],
  ENOMEM: ["the system has no memory left", "End other programs, then run the same command again"],
  EINVAL: [
    "the file system refuses the operation",
    "Choose a directory on another file system, then run the same command again",
  ],
  EUCLEAN: ["the file system is damaged", "Check the file system (fsck), then run it again"],
  EBADMSG: ["the file system is damaged", "Check the file system (fsck), then run it again"],
  ENOMEDIUM: ["there is no medium in the drive", "Insert the medium and mount it again"],
  ...silent("ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENOTCONN", "ECONNREFUSED"),
};

/** What network file systems, and those of other processes, end with when the other side is gone. */
function silent(...codes: readonly string[]): Record<string, readonly [string, string]> {
  const hint = "Check the file server and mount it again, then run the same command again";
  return Object.fromEntries(
    codes.map((code) => [code, ["the file system does not answer", hint] as const]),
  );
}

const ANY_HINT = "Check the disk or medium and how it is mounted, then run the same command again";

/**
 * What a system call of `node:fs` has failed with, as a failure that has the path and a next step; anything else comes
 * back as it is.
 */
export function storageError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof MirrorError || !("code" in error)) return error;
  const code = systemCode(String(error.code));
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new SpaceExhaustedError(path, "no space is left", { cause: error });
  }
  const isSystemCall = "syscall" in error && typeof error.syscall === "string";
  const known = REASONS[code];
  if (!known && !isSystemCall) return error;
  const [reason, hint] = known ?? [`the system reports ${code}`, ANY_HINT];
  return new StorageFailedError(path, reason, { cause: error, hint });
}

/** Errors of Linux that `node:os` has no number of. */
const LINUX_ERRORS: Readonly<Record<number, string>> = { 117: "EUCLEAN", 123: "ENOMEDIUM" };

/** Node.js has no name for some errors of the system: `Unknown system error -122` → `EDQUOT`. */
function systemCode(code: string): string {
  const unnamed = /^Unknown system error -(\d+)$/.exec(code);
  if (!unnamed) return code;
  const errno = Number(unnamed[1]);
  const [name] = Object.entries(constants.errno).find(([, number]) => number === errno) ?? [];
  const ofLinux = process.platform === "linux" ? LINUX_ERRORS[errno] : undefined;
  return name ?? ofLinux ?? `error ${errno}`;
}

/** Whether an error, or what the system said when it was made, has one of the codes. */
export function hasErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  if (codes.includes(systemCode(String(error.code)))) return true;
  const isOfSystem = error instanceof StorageFailedError || error instanceof SpaceExhaustedError;
  return isOfSystem && hasErrorCode(error.cause, ...codes);
}

/** `EACCES`, or what else is wrong with a file: for a message that names the path itself. */
export function reasonOf(error: unknown): string {
  if (error instanceof StorageFailedError) {
    return error.cause instanceof Error ? reasonOf(error.cause) : error.reason;
  }
  if (error instanceof Error && "code" in error) return systemCode(String(error.code));
  return error instanceof Error ? error.message : String(error);
}
