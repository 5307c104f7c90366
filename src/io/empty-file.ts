import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file of no bytes and no name, that can be sought in: a pipe and `/dev/null` cannot. It is gone when it is closed. */
export async function openEmptyFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `mirror-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}
