import { Readable } from "node:stream";
import { FileChangedError, StorageFailedError } from "./errors.ts";
import { openFile } from "./open-file.ts";

export interface UnchangedFile {
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970; missing: it may have any. */
  readonly modifiedAt?: number;
}

/** Streams a file from a byte to its end; `FILE_CHANGED` if it is not the one that it was. */
export async function readUnchanged(
  { path, size, modifiedAt }: UnchangedFile,
  offset: number,
): Promise<Readable> {
  const file = await openFile(path).catch((cause: unknown) => {
    throw cause instanceof StorageFailedError ? new FileChangedError(path, { cause }) : cause;
  });
  const stats = await file.stat();
  const isSame = modifiedAt === undefined || Math.floor(stats.mtimeMs) === modifiedAt;
  if (stats.size === size && isSame) {
    if (offset < size) return file.createReadStream({ start: offset, end: size - 1 });
    await file.close();
    return Readable.from([]);
  }
  await file.close();
  throw new FileChangedError(path);
}

/** Whether a file is the one that it was. */
export async function isUnchanged(file: UnchangedFile): Promise<boolean> {
  try {
    (await readUnchanged(file, 0)).destroy();
    return true;
  } catch (error) {
    if (error instanceof FileChangedError) return false;
    throw error;
  }
}
