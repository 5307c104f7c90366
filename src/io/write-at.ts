import type { FileHandle } from "node:fs/promises";
import { storageError } from "./errors.ts";

export interface WritePlace {
  readonly chunk: Buffer;
  readonly position: number;
  /** Of the file, for what can go wrong. */
  readonly path: string;
}

/** Writes all of a chunk at a position. */
export async function writeAt(
  file: FileHandle,
  { chunk, path, position }: WritePlace,
): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
      done += bytesWritten;
    }
  } catch (error) {
    throw storageError(error, path);
  }
}
