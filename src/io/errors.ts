import { MirrorError, type MirrorErrorOptions } from "../errors.ts";

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

  constructor(path: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot access "${path}": ${reason}`, options);
    this.path = path;
  }
}

const REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  EIO: [
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
    "Split the bundle with --images-bundle-chunk-size 4000MB",
  ],
  ENOTDIR: ["a part of the path is not a directory", "Check the path"],
  EISDIR: ["it is a directory", "Check the path"],
  EEXIST: ["it is a file", "Name a directory, or remove the file"],
};

/** An error of `node:fs` with the path and a next step; anything else comes back as it is. */
export function storageError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof MirrorError || !("code" in error)) return error;
  const code = String(error.code);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new SpaceExhaustedError(path, "no space is left", { cause: error });
  }
  const known = REASONS[code];
  if (!known) return error;
  return new StorageFailedError(path, known[0], { cause: error, hint: known[1] });
}

export function hasErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
