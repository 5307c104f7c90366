import { join } from "node:path";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { lockFile, refuseIfLocked } from "../io/file-lock.ts";
import { readdir } from "../io/file-system.ts";
import { isPushLock, PULL_STATE, STATE_DIRECTORY } from "./format/state-directory.ts";

/**
 * Locks a bundle whose state directory exists; `TARGET_LOCKED` names the run that writes or pushes it. Both sides announce
 * themselves before they look for the other, so that at least one of two sees the other.
 */
export async function lockForWriting(bundlePath: string): Promise<AsyncDisposable> {
  const directory = join(bundlePath, STATE_DIRECTORY);
  const lock = await lockFile(join(directory, PULL_STATE.lock), bundlePath);
  try {
    for (const name of await listNames(directory)) {
      if (isPushLock(name)) await refuseIfLocked(join(directory, name), bundlePath);
    }
    return lock;
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** Throws `TARGET_LOCKED` while a run writes the bundle. */
export async function refuseWhileWritten(bundlePath: string): Promise<void> {
  await refuseIfLocked(join(bundlePath, STATE_DIRECTORY, PULL_STATE.lock), bundlePath);
}

async function listNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return [];
    throw storageError(error, directory);
  }
}
