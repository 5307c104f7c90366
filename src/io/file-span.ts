import { closeSync, constants, readSync, writevSync } from "node:fs";
import { storageError } from "./errors.ts";
import { openFileSync } from "./open-file.ts";

/** A run of bytes in one file. */
export interface FilePart {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

export type SpanMode = "read" | "write";

/**
 * Bytes that lie one after the other in parts of files, read and written at any position: for threads that have nothing
 * else to do meanwhile. Only the file of the last access is open.
 */
export class FileSpan implements Disposable {
  readonly #parts: readonly FilePart[];
  readonly #starts: readonly number[];
  readonly #mode: SpanMode;
  #open: { readonly path: string; readonly file: number } | undefined;

  constructor(parts: readonly FilePart[], mode: SpanMode) {
    let start = 0;
    this.#parts = parts;
    this.#mode = mode;
    this.#starts = parts.map(({ length }) => {
      start += length;
      return start - length;
    });
  }

  /** Writes all bytes. */
  write(position: number, buffers: readonly Buffer[]): void {
    let at = position;
    let rest = buffers;
    while (rest.length > 0) {
      const { part, offset, room } = this.#find(at);
      const fitting = takeBytes(rest, room);
      const written = this.#access(part, (file) => writevSync(file, [...fitting], offset));
      at += written;
      rest = dropBytes(rest, written);
    }
  }

  /** Fills the buffer; returns the bytes found, fewer if a file is short or missing. */
  read(position: number, buffer: Buffer): number {
    let filled = 0;
    while (filled < buffer.length) {
      const { part, offset, room } = this.#find(position + filled);
      const wanted = Math.min(room, buffer.length - filled);
      const found = this.#access(part, (file) => readSync(file, buffer, filled, wanted, offset));
      if (found === 0) break;
      filled += found;
    }
    return filled;
  }

  #find(position: number): { part: FilePart; offset: number; room: number } {
    const index = this.#starts.findLastIndex((start) => start <= position);
    const [part, start = 0] = [this.#parts[index], this.#starts[index]];
    if (!part || position >= start + part.length) {
      throw new Error(`byte ${position} lies in no part of a file`);
    }
    const within = position - start;
    return { part, offset: part.offset + within, room: part.length - within };
  }

  #access<Value>({ path }: FilePart, act: (file: number) => Value): Value {
    try {
      return act(this.#fileOf(path));
    } catch (error) {
      throw storageError(error, path);
    }
  }

  #fileOf(path: string): number {
    if (this.#open?.path === path) return this.#open.file;
    this[Symbol.dispose]();
    const flags = this.#mode === "read" ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
    const file = openFileSync(path, flags);
    this.#open = { path, file };
    return file;
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#open.file);
    this.#open = undefined;
  }
}

/** The first bytes, at most `length`. */
function takeBytes(buffers: readonly Buffer[], length: number): readonly Buffer[] {
  const taken: Buffer[] = [];
  for (let left = length; left > 0 && taken.length < buffers.length; ) {
    const buffer = (buffers[taken.length] as Buffer).subarray(0, left);
    taken.push(buffer);
    left -= buffer.length;
  }
  return taken;
}

function dropBytes(buffers: readonly Buffer[], length: number): readonly Buffer[] {
  let left = length;
  return buffers.flatMap((buffer) => {
    const dropped = Math.min(left, buffer.length);
    left -= dropped;
    return dropped < buffer.length ? [buffer.subarray(dropped)] : [];
  });
}
