import { dirname } from "node:path";
import { syncDirectory } from "./atomic-write.ts";
import { APPEND, mkdir, rm } from "./file-system.ts";
import { openFile } from "./open-file.ts";

/** Makes a directory with its parents; after a power cut it is still there. */
export async function makeDirectoryDurably(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    await syncDirectory(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

/** Makes an empty file, whose name is all that it says, in a directory that is there. */
export async function markDurably(path: string): Promise<void> {
  await (await openFile(path, APPEND, 0o600)).close();
  // Also of a file that is there: whoever made it may not have come so far
  await syncDirectory(dirname(path));
}

/** What was removed does not come back after a power cut; what is not there is removed as well. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}
