import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { storageError } from "./errors.ts";

/** Replaces a file so that a reader, or the next run after a power cut, sees the old bytes or the new ones. */
export async function writeFileAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w", 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw storageError(error, path);
  }
}

/** Makes created, renamed and removed names of a directory durable; systems that cannot open directories skip it. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r").catch(() => undefined);
  if (directory === undefined) return;
  try {
    await directory.sync();
  } catch {
    // Windows and some network file systems cannot sync a directory
  } finally {
    await directory.close();
  }
}
