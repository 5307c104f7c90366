import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from "node:fs";
import * as fs from "node:fs/promises";
import { storageError, UnfitFileError } from "./errors.ts";

/** An open must not wait for the other end of a pipe or for a device, and must not take a terminal. */
const NEVER_WAITS = (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/**
 * Opens a file, in the flags of `node:fs` as numbers. Media and directories are not to be trusted: a pipe, a device or a
 * socket under the name of a file, or behind a link there, is refused before a byte of it is read. Reading one may never
 * end, and a thread that waits for it would keep the program from ending too.
 */
export async function openFile(
  path: string,
  flags: number = constants.O_RDONLY,
  mode = 0o644,
): Promise<fs.FileHandle> {
  let file: fs.FileHandle;
  try {
    file = await fs.open(path, flags | NEVER_WAITS, mode);
  } catch (error) {
    throw refusalOf(path, statIfThere(path)) ?? storageError(error, path);
  }
  try {
    const refusal = refusalOf(path, await file.stat());
    if (refusal) throw refusal;
    return file;
  } catch (error) {
    await file.close();
    throw storageError(error, path);
  }
}

/** The same for who cannot wait. */
export function openFileSync(path: string, flags: number, mode = 0o644): number {
  let file: number;
  try {
    file = openSync(path, flags | NEVER_WAITS, mode);
  } catch (error) {
    throw refusalOf(path, statIfThere(path)) ?? storageError(error, path);
  }
  const refusal = refusalOf(path, fstatSync(file));
  if (!refusal) return file;
  closeSync(file);
  throw refusal;
}

/** Refuses a name that stands for a pipe, a device or a socket, behind links too, before a file takes its place. */
export function refuseOtherKind(path: string): void {
  const refusal = refusalOf(path, statIfThere(path));
  if (refusal) throw refusal;
}

/** `a named pipe`, for whatever a name stands for that is no regular file. */
export function describeKind(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a named pipe";
  return stats.isSocket() ? "a socket" : "a device";
}

/** The system's word for pipes and sockets that nobody serves is that of a device that is gone. */
function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function refusalOf(path: string, stats: Stats | undefined): Error | undefined {
  const kind = stats && describeKind(stats);
  if (kind === undefined) return undefined;
  if (stats?.isDirectory()) return directoryError(path);
  return new UnfitFileError(path, `it is ${kind} and no file`, {
    hint: "Put the file itself in its place",
  });
}

/** As the system says it of a directory that is read. */
function directoryError(path: string): Error {
  const cause = Object.assign(new Error(`EISDIR: "${path}"`), { code: "EISDIR", syscall: "read" });
  return storageError(cause, path) as Error;
}
