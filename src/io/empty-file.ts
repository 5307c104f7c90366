import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rm } from "./file-system.ts";
import { openFile } from "./open-file.ts";

const NEW: number = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

/** A file of no bytes and no name, that can be sought in: a pipe and `/dev/null` cannot. It is gone when it is closed. */
export async function openEmptyFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `mirror-${randomUUID()}`);
  const file = await openFile(path, NEW, 0o600);
  await rm(path);
  return file;
}
