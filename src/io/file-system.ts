import { constants, type MakeDirectoryOptions } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { hasErrorCode, storageError } from "./errors.ts";
import { openFile } from "./open-file.ts";

// The calls of `node:fs/promises` that name a path, failing as this program fails: what the system refuses on a path is
// a `STORAGE_FAILED` or `SPACE_EXHAUSTED` that names it, whoever forgets to say so. `hasErrorCode` still sees the code.

export const chmod: typeof fs.chmod = naming(fs.chmod);
export const chown: typeof fs.chown = naming(fs.chown);
export const lstat: typeof fs.lstat = naming(fs.lstat);
export const mkdir: typeof fs.mkdir = naming(makeDirectory as typeof fs.mkdir);
export const mkdtemp: typeof fs.mkdtemp = naming(fs.mkdtemp as typeof fs.mkdtemp);
export const readdir: typeof fs.readdir = naming(fs.readdir);
export const realpath: typeof fs.realpath = naming(fs.realpath);
export const rename: typeof fs.rename = naming(fs.rename);
export const rm: typeof fs.rm = naming(fs.rm);
export const rmdir: typeof fs.rmdir = naming(fs.rmdir);
export const symlink: typeof fs.symlink = naming(fs.symlink);
export const stat: typeof fs.stat = naming(fs.stat);
export const utimes: typeof fs.utimes = naming(fs.utimes);

/** Node.js says ENOENT of a recursive call whatever keeps it from making a parent: the parent is asked. */
async function makeDirectory(path: string, options: MakeDirectoryOptions = {}): Promise<unknown> {
  try {
    return await fs.mkdir(path, options);
  } catch (error) {
    const parent = dirname(path);
    if (!options.recursive || !hasErrorCode(error, "ENOENT") || parent === path) throw error;
    await makeDirectory(parent, options);
    return await fs.mkdir(path, { ...options, recursive: false });
  }
}

function naming<Call extends (...args: never[]) => Promise<unknown>>(call: Call): Call {
  const named = async (...args: Parameters<Call>): Promise<unknown> => {
    try {
      return await call(...args);
    } catch (error) {
      throw storageError(error, String(args[0]));
    }
  };
  // Overloads are lost on the way
  return named as unknown as Call;
}

/** Streams a file from a byte to its end. */
export async function* readFrom(path: string, start: number): AsyncGenerator<Buffer> {
  const file = await openFile(path);
  try {
    // Closes the file
    yield* file.createReadStream({ start });
  } catch (error) {
    throw storageError(error, path);
  }
}

/** Flags to make a file, or to write an old one from its beginning. */
export const WRITE_ANEW: number = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;

/** Flags to make a file where none is. */
export const WRITE_NEW: number = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** Flags to make a file, or to write behind the end of an old one. */
export const APPEND: number = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;

/** Makes or replaces a file; what `content` fails with is passed on as it is. */
export async function writeFrom(
  path: string,
  content: Iterable<Buffer> | AsyncIterable<Buffer>,
  flags: number = WRITE_ANEW,
): Promise<void> {
  const file = await openFile(path, flags);
  try {
    for await (const bytes of content) {
      await file.writeFile(bytes).catch((error: unknown) => {
        throw storageError(error, path);
      });
    }
  } finally {
    await file.close();
  }
}
