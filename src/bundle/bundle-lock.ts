import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { MirrorError } from "../errors.ts";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { lockFile, refuseIfLocked } from "../io/file-lock.ts";
import { STATE_DIRECTORY } from "./format.ts";

/** The lock of the one run that may write. */
const WRITER_LOCK = "lock";
/** The locks of runs that read: of a push, one for each target; of the others, one for each run. */
const READER_LOCK = /^(?:push|read)-.+\.lock$/;
const RUN_LOCK = /^read-/;

/**
 * Locks a bundle whose state directory exists; `TARGET_LOCKED` names the run that writes or reads it. Both sides announce
 * themselves before they look for the other, so that at least one of two sees the other.
 */
export async function lockForWriting(bundlePath: string): Promise<AsyncDisposable> {
  const directory = join(bundlePath, STATE_DIRECTORY);
  const lock = await lockFile(join(directory, WRITER_LOCK), bundlePath);
  try {
    for (const name of await listNames(directory)) {
      if (!READER_LOCK.test(name)) continue;
      const state = await refuseIfLocked(join(directory, name), bundlePath);
      if (state === "stale" && RUN_LOCK.test(name)) await rm(join(directory, name));
    }
    return lock;
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** Throws `TARGET_LOCKED` while a run writes the bundle: for readers that have announced themselves. */
export async function refuseWhileWritten(bundlePath: string): Promise<void> {
  await refuseIfLocked(join(bundlePath, STATE_DIRECTORY, WRITER_LOCK), bundlePath);
}

/**
 * Keeps others from writing the bundle while it is read. Undefined where nothing can be written: nobody else who is
 * held back in the same way can write there either.
 */
export async function lockForReading(bundlePath: string): Promise<AsyncDisposable | undefined> {
  const directory = join(bundlePath, STATE_DIRECTORY);
  const lock = await announce(directory, bundlePath);
  const release = async () => {
    await lock?.[Symbol.asyncDispose]();
    // Gone if this lock was the only thing it was for
    if (lock) await rmdir(directory).catch(() => {});
  };
  try {
    await refuseWhileWritten(bundlePath);
  } catch (error) {
    await release();
    throw error;
  }
  return lock && { [Symbol.asyncDispose]: release };
}

async function announce(directory: string, bundlePath: string) {
  try {
    await mkdir(directory, { recursive: true });
    return await lockFile(join(directory, `read-${randomUUID()}.lock`), bundlePath);
  } catch (error) {
    const reason = storageError(error, directory);
    if (!(reason instanceof MirrorError)) throw error;
    await rmdir(directory).catch(() => {});
    return undefined;
  }
}

async function listNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return [];
    throw storageError(error, directory);
  }
}
