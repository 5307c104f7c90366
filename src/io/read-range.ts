import type { FileHandle } from "node:fs/promises";
import { storageError } from "./errors.ts";

/** Fills `buffer` from `position`; returns the number of bytes found, less than its length at the end of the file. */
export async function readFully(
  file: FileHandle,
  buffer: Uint8Array,
  position: number,
  path: string,
): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    try {
      const { bytesRead } = await file.read(
        buffer,
        filled,
        buffer.length - filled,
        position + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    } catch (error) {
      throw storageError(error, path);
    }
  }
  return filled;
}
