import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode, storageError } from "../io/errors.ts";
import type { FilePart } from "../io/file-span.ts";
import { rm } from "../io/file-system.ts";
import { openFile } from "../io/open-file.ts";
import { readFully } from "../io/read-range.ts";
import type { PlannedFile } from "./format/bundle-plan.ts";
import { findFile, sliceByFile, startsOf } from "./format/chunk-plan.ts";

export interface PackageFileOptions {
  readonly directory: string;
  readonly files: readonly PlannedFile[];
  /** Appended to every file name. */
  readonly suffix?: string;
  readonly mode: "read" | "write";
}

/** Open files at once per package; a package may have thousands of chunk files. */
const OPEN_FILES_LIMIT = 24;

/**
 * The bytes of one package over one file or many chunk files, read and written at any position. Writes to one file
 * happen one after the other: parallel ones only queue for the file's lock in the kernel.
 */
export class PackageFile implements AsyncDisposable {
  readonly #options: PackageFileOptions;
  readonly #starts: readonly number[];
  readonly #open = new Map<number, Promise<FileHandle>>();
  readonly #users = new Map<number, number>();
  #isClosed = false;
  readonly #writes = new Map<number, Promise<unknown>>();
  /** Files with bytes that are not durable yet. */
  readonly #unsynced = new Set<number>();
  /** Files behind these were given back. */
  #present: number;

  constructor(options: PackageFileOptions) {
    this.#options = options;
    this.#starts = startsOf(options.files);
    this.#present = options.files.length;
  }

  /** Path of the file that holds a position, and the position in it: for messages. */
  locate(position: number): { readonly path: string; readonly offset: number } {
    const file = findFile(position, this.#starts);
    return { path: this.pathOf(file), offset: position - (this.#starts[file] ?? 0) };
  }

  pathOf(chunk: number): string {
    const { directory, files, suffix = "" } = this.#options;
    return join(directory, `${files[chunk]?.name ?? `#${chunk}`}${suffix}`);
  }

  /** Writes all bytes at their final place. */
  async write(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    const end = position + lengthOf(buffers);
    const slices = sliceByFile({ start: position, end }, this.#starts);
    let rest = buffers;
    for (const { file: chunk, offset, length } of slices) {
      const [head, tail] = splitBuffers(rest, length);
      rest = tail;
      this.#unsynced.add(chunk);
      await this.#enqueue(chunk, () =>
        this.#use(chunk, (file) => writeFully(file, head, offset, this.pathOf(chunk))),
      );
    }
  }

  /** The parts of files that hold so many bytes; what may be written there is made durable by the next `sync`. */
  partsOf(position: number, length: number): FilePart[] {
    const slices = sliceByFile({ start: position, end: position + length }, this.#starts);
    return slices.map(({ file, ...part }) => {
      if (this.#options.mode === "write") this.#unsynced.add(file);
      return { path: this.pathOf(file), ...part };
    });
  }

  #enqueue(chunk: number, write: () => Promise<void>): Promise<void> {
    const done = (this.#writes.get(chunk) ?? Promise.resolve()).then(write, write);
    this.#writes.set(
      chunk,
      done.catch(() => {}),
    );
    return done;
  }

  /** Fills the buffer from a position; returns the bytes found, fewer if a file is short or missing. */
  async read(position: number, buffer: Uint8Array): Promise<number> {
    const range = { start: position, end: position + buffer.length };
    let filled = 0;
    for (const { file: chunk, offset, length } of sliceByFile(range, this.#starts)) {
      const part = buffer.subarray(filled, filled + length);
      const found = await this.#use(chunk, (file) =>
        readFully(file, part, offset, this.pathOf(chunk)),
      );
      filled += found;
      if (found < length) break;
    }
    return filled;
  }

  /** Makes all bytes durable that were written before. */
  async sync(): Promise<void> {
    for (const chunk of [...this.#unsynced]) {
      await this.#writes.get(chunk);
      // Otherwise it was completed meanwhile, and has another name
      if (this.#unsynced.delete(chunk))
        await this.#use(chunk, (file) => this.#datasync(chunk, file));
    }
  }

  /** Gives back the room of everything from a position on: files behind it are deleted, its own becomes shorter. */
  async truncate(position: number): Promise<void> {
    const last = findFile(position, this.#starts);
    const offset = position - (this.#starts[last] ?? 0);
    for (; this.#present > last; this.#present--) {
      const chunk = this.#present - 1;
      const path = this.pathOf(chunk);
      try {
        if (chunk === last && offset > 0) return await shorten(path, offset);
        await this.close(chunk);
        await rm(path, { force: true });
      } catch (error) {
        throw storageError(error, path);
      }
    }
  }

  /** Gives a file its exact size and makes its bytes durable. */
  async complete(chunk: number): Promise<void> {
    const size = this.#options.files[chunk]?.size ?? 0;
    await this.#use(chunk, async (file) => {
      try {
        await file.truncate(size);
      } catch (error) {
        throw storageError(error, this.pathOf(chunk));
      }
      await this.#datasync(chunk, file);
    });
    this.#unsynced.delete(chunk);
  }

  async #datasync(chunk: number, file: FileHandle): Promise<void> {
    try {
      await file.datasync();
    } catch (error) {
      throw storageError(error, this.pathOf(chunk));
    }
  }

  /** Closes one file; it is opened again when it is needed. */
  async close(chunk: number): Promise<void> {
    const file = this.#open.get(chunk);
    this.#open.delete(chunk);
    await (await file)?.close();
  }

  async #use<Value>(chunk: number, act: (file: FileHandle) => Promise<Value>): Promise<Value> {
    this.#users.set(chunk, (this.#users.get(chunk) ?? 0) + 1);
    try {
      return await act(await this.#acquire(chunk));
    } finally {
      this.#users.set(chunk, (this.#users.get(chunk) ?? 1) - 1);
    }
  }

  #acquire(chunk: number): Promise<FileHandle> {
    const opened = this.#open.get(chunk) ?? this.#openFile(chunk);
    // Most recently used last
    this.#open.delete(chunk);
    this.#open.set(chunk, opened);
    return opened;
  }

  async #openFile(chunk: number): Promise<FileHandle> {
    if (this.#isClosed) throw new Error(`"${this.pathOf(chunk)}" is used after it was closed`);
    for (const other of [...this.#open.keys()].slice(0, -OPEN_FILES_LIMIT)) {
      if (!this.#users.get(other)) this.close(other).catch(() => {});
    }
    const flags =
      this.#options.mode === "read" ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
    try {
      return await openFile(this.pathOf(chunk), flags);
    } catch (error) {
      this.#open.delete(chunk);
      throw storageError(error, this.pathOf(chunk));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#writes.values());
    const files = await Promise.allSettled(this.#open.values());
    this.#open.clear();
    await Promise.all(files.map((file) => file.status === "fulfilled" && file.value.close()));
  }
}

/** A file that is missing or shorter already stays so. */
async function shorten(path: string, size: number): Promise<void> {
  let file: FileHandle;
  try {
    file = await openFile(path, constants.O_RDWR);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return;
    throw error;
  }
  try {
    if ((await file.stat()).size > size) await file.truncate(size);
  } finally {
    await file.close();
  }
}

async function writeFully(
  file: FileHandle,
  buffers: readonly Uint8Array[],
  position: number,
  path: string,
): Promise<void> {
  let rest = buffers;
  let at = position;
  while (rest.length > 0) {
    try {
      const { bytesWritten } = await file.writev([...rest], at);
      at += bytesWritten;
      [, rest] = splitBuffers(rest, bytesWritten);
    } catch (error) {
      throw storageError(error, path);
    }
  }
}

function lengthOf(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.length, 0);
}

/** The first `length` bytes and the rest, without copying. */
function splitBuffers(
  buffers: readonly Uint8Array[],
  length: number,
): [readonly Uint8Array[], readonly Uint8Array[]] {
  let left = length;
  for (const [index, buffer] of buffers.entries()) {
    if (buffer.length > left) {
      const head = [...buffers.slice(0, index), ...(left > 0 ? [buffer.subarray(0, left)] : [])];
      return [head, [buffer.subarray(left), ...buffers.slice(index + 1)]];
    }
    left -= buffer.length;
  }
  return [buffers, []];
}
