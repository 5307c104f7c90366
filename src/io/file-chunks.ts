import type { FileHandle } from "node:fs/promises";
import { UnfitFileError } from "./errors.ts";
import { readChunks } from "./read-chunks.ts";
import { readFully } from "./read-range.ts";

export interface FileRange {
  /** For messages. */
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** Bytes of an open file, piece by piece (`readChunks`); the file is closed when they are read, or nobody wants them. */
export async function* fileChunks(
  file: FileHandle,
  { path, start, end }: FileRange,
): AsyncGenerator<Buffer> {
  try {
    yield* readChunks({ start, end }, async (memory, position) => {
      const found = await readFully(file, memory, position, path);
      if (found === memory.length) return;
      throw new UnfitFileError(path, `it ends at byte ${position + found} instead of ${end}`);
    });
  } finally {
    await file.close();
  }
}
