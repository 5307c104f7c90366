import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { writeFileAtomically } from "../io/atomic-write.ts";
import { hasErrorCode } from "../io/errors.ts";
import { chmod, mkdir, rm, rmdir, stat } from "../io/file-system.ts";
import { readFile } from "../io/read-file.ts";
import { ClientConfigConflictError } from "./errors.ts";

/** Beside the files: what was written, and what was there before. */
const RECORD_DIRECTORY = ".mirror-client-config";

/** What is known of one file that was written. */
export interface InstalledFile {
  /** Below the directory, with `/`. */
  readonly path: string;
  /** Of the text that was written. */
  readonly sha256: string;
  /** Of what was there before; undefined: nothing was. Its bytes are kept under the same path. */
  readonly original?: OriginalFile | undefined;
  /** The text that was written, for files that others write too. */
  readonly merged?: MergedText | undefined;
}

export interface MergedText {
  readonly format: "toml" | "yaml" | "json";
  readonly text: string;
}

export interface OriginalFile {
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface InstallRecord {
  readonly schemaVersion: 1;
  readonly runtime: string;
  readonly files: readonly InstalledFile[];
  /** Directories that were made for the files, the deepest last. */
  readonly directories: readonly string[];
}

/** A file as it is on the disk. */
export interface FoundFile {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The record of an earlier installation; undefined if there was none. */
export async function readRecord(
  directory: string,
  runtime: string,
): Promise<InstallRecord | undefined> {
  const path = recordPath(directory, runtime);
  const found = await readFound(path);
  if (found === undefined) return undefined;
  try {
    const record = JSON.parse(found.bytes.toString("utf8")) as InstallRecord;
    if (record.schemaVersion !== 1 || !Array.isArray(record.files))
      throw new Error("unknown shape");
    return record;
  } catch (error) {
    throw new ClientConfigConflictError(path, "it is no record of an installation", {
      hint: "Take the files back by hand: what was there before lies in the directory beside it",
      cause: error,
    });
  }
}

/** Kept before the first file is written: whatever happens then, the way back is known. */
export async function writeRecord(directory: string, record: InstallRecord): Promise<void> {
  const path = recordPath(directory, record.runtime);
  await makeDirectory(dirname(path));
  await writeFileAtomically(path, `${JSON.stringify(record, null, 2)}\n`, { isPrivate: true });
}

export async function keepOriginal(
  directory: string,
  { runtime, path }: OriginalPlace,
  bytes: Buffer,
): Promise<void> {
  const place = originalPath(directory, { runtime, path });
  await makeDirectory(dirname(place));
  await writeFileAtomically(place, bytes, { isPrivate: true });
}

export interface OriginalPlace {
  readonly runtime: string;
  readonly path: string;
}

export async function readOriginal(directory: string, place: OriginalPlace): Promise<Buffer> {
  const path = originalPath(directory, place);
  const found = await readFound(path);
  if (found) return found.bytes;
  throw new ClientConfigConflictError(path, "the copy of the file that was replaced is gone", {
    hint: "Take the configuration back by hand",
  });
}

/** Forgets an installation; the directory of records goes with the last one. */
export async function dropRecord(directory: string, runtime: string): Promise<void> {
  const records = join(directory, RECORD_DIRECTORY);
  await rm(recordPath(directory, runtime), { force: true });
  await rm(join(records, runtime), { recursive: true, force: true });
  await removeEmptyDirectory(records);
}

export async function removeEmptyDirectory(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    // Somebody else has put something there, or it is gone
    if (!hasErrorCode(error, "ENOTEMPTY", "EEXIST", "ENOENT")) throw error;
  }
}

/** Undefined if there is no file of this name. */
export async function readFound(path: string): Promise<FoundFile | undefined> {
  try {
    const bytes = await readFile(path);
    const { mode, uid, gid } = await stat(path);
    return { bytes, sha256: sha256Of(bytes), mode: mode & 0o777, uid, gid };
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

export function sha256Of(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Answers with the first directory that was not there. What is made can be read by everybody, whatever the umask, as the
 * files can: clients run as other users.
 */
export async function makeDirectory(path: string): Promise<string | undefined> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return undefined;
  const top = resolve(first);
  for (let made = resolve(path); made.length >= top.length; made = dirname(made)) {
    await chmod(made, 0o755);
  }
  return first;
}

function recordPath(directory: string, runtime: string): string {
  return join(directory, RECORD_DIRECTORY, `${runtime}.json`);
}

function originalPath(directory: string, { runtime, path }: OriginalPlace): string {
  return join(directory, RECORD_DIRECTORY, runtime, path);
}
