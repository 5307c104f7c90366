import { writeFileAtomically } from "../io/atomic-write.ts";
import { readNamedText } from "../io/read-file.ts";
import type { Lock } from "./lock.ts";
import { formatLock, parseLock } from "./parse-lock.ts";

/** Reads a lock that `writeLock` wrote: `LOCK_INVALID` if it was edited since. */
export async function readLock(path: string): Promise<Lock> {
  return parseLock(Buffer.from(await readNamedText(path)), path);
}

/** Replaces the file at once or not at all. */
export async function writeLock(path: string, lock: Lock): Promise<void> {
  await writeFileAtomically(path, formatLock(lock));
}
