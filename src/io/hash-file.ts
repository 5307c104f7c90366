import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { ContentHasher } from "./content-hasher.ts";
import { FileChangedError, storageError } from "./errors.ts";
import { openFile } from "./open-file.ts";

/** A file at one moment. */
export interface HashedFile {
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface HashFileOptions {
  readonly signal?: AbortSignal | undefined;
  /** Keeps hashes of files that have not changed since. */
  readonly records?: HashRecords | undefined;
}

export interface HashRecords {
  read(key: string): Promise<unknown>;
  write(key: string, record: unknown): Promise<void>;
}

const BLOCK_BYTES = 1024 * 1024;

/** What was changed so recently may change once more without another time. */
const SETTLED_MS = 2000;

/** Reads a file to its end; `FILE_CHANGED` if it is not the same at the end as it was at the beginning. */
export async function hashFile(
  path: string,
  { signal, records }: HashFileOptions = {},
): Promise<HashedFile> {
  const file = await openFile(path);
  try {
    const before = await file.stat({ bigint: true });
    const about = { size: Number(before.size), modifiedAt: Number(before.mtimeMs) };
    const key = `hash of a file, 1\n${path}\n${identityOf(before)}`;
    const known = await records?.read(key);
    if (typeof known === "string") return { ...about, sha256: known };
    const sha256 = await readHash(file, about.size, { path, signal });
    const after = await file.stat({ bigint: true });
    if (identityOf(after) !== identityOf(before)) throw new FileChangedError(path);
    if (Date.now() - about.modifiedAt > SETTLED_MS) await records?.write(key, sha256);
    return { ...about, sha256 };
  } catch (error) {
    throw storageError(error, path);
  } finally {
    await file.close();
  }
}

/** The same as long as nobody has written to the file. */
function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

async function readHash(
  file: FileHandle,
  size: number,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal | undefined },
): Promise<string> {
  await using hasher = new ContentHasher({ totalBytes: size });
  const hash = hasher.open("sha256", size);
  let memory = new Uint8Array(BLOCK_BYTES);
  for (let position = 0; position < size; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(memory, 0, memory.length, position);
    if (bytesRead === 0) throw new FileChangedError(path);
    position += bytesRead;
    const given = await hash.update(memory.subarray(0, bytesRead));
    memory = new Uint8Array(given.buffer as ArrayBuffer);
  }
  return await hash.digest();
}
