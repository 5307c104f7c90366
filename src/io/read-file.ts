import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { Socket } from "node:net";
import { decodeText } from "./decode-text.ts";
import { storageError, UnfitFileError } from "./errors.ts";
import { openFile } from "./open-file.ts";

/** Largest file that is read as a whole: what a string of Node.js can hold. */
const FILE_LIMIT_BYTES: number = 512 * 1024 * 1024;

/** Bytes that are read at once where the size of the file says too little. */
const BLOCK_BYTES: number = 64 * 1024;

export async function readFile(path: string): Promise<Buffer>;
export async function readFile(path: string, encoding: "utf8"): Promise<string>;
/** All bytes of a regular file, or its text. Reading stops at the limit, whatever the file grows to meanwhile. */
export async function readFile(path: string, encoding?: "utf8"): Promise<Buffer | string> {
  const bytes = await readLimited(path, FILE_LIMIT_BYTES);
  return encoding === undefined ? bytes : decodeText(bytes);
}

/** All bytes of a regular file; `STORAGE_FAILED` if there are more than `limit`. */
export async function readLimited(path: string, limit: number): Promise<Buffer> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    return await readToEnd(file, { size, limit, path });
  } catch (error) {
    throw storageError(error, path);
  } finally {
    await file.close();
  }
}

interface Extent {
  readonly size: number;
  readonly limit: number;
  readonly path: string;
}

/** The size is a hint: that of `/proc` is 0, and a file may be written to. */
async function readToEnd(file: FileHandle, { size, limit, path }: Extent): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let total = 0;
  for (let length = size + 1; ; length = BLOCK_BYTES) {
    if (total > limit || size > limit) throw tooLarge(path, limit);
    const block = Buffer.allocUnsafe(Math.min(length, limit + 1 - total));
    const { bytesRead } = await file.read(block, 0, block.length, total);
    if (bytesRead === 0) return Buffer.concat(blocks, total);
    blocks.push(block.subarray(0, bytesRead));
    total += bytesRead;
  }
}

/** Largest text that is read from a pipe. */
const PIPE_LIMIT_BYTES: number = 64 * 1024 * 1024;

/**
 * The text of a file that the user has named. It may also be what another program writes (`<(…)` of a shell): that is
 * waited for without a thread, so that nothing keeps the program from ending.
 */
export async function readNamedText(path: string): Promise<string> {
  const descriptor = openPipe(path);
  if (descriptor === undefined) return await readFile(path, "utf8");
  const blocks: Buffer[] = [];
  let total = 0;
  for await (const block of new Socket({ fd: descriptor, readable: true, writable: false })) {
    total += (block as Buffer).length;
    if (total > PIPE_LIMIT_BYTES) throw tooLarge(path, PIPE_LIMIT_BYTES);
    blocks.push(block as Buffer);
  }
  return decodeText(Buffer.concat(blocks, total));
}

/** A descriptor of the pipe that has this name; undefined for anything else. */
function openPipe(path: string): number | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch {
    // `readFile` says why
    return undefined;
  }
  if (fstatSync(descriptor).isFIFO()) return descriptor;
  closeSync(descriptor);
  return undefined;
}

function tooLarge(path: string, limit: number): UnfitFileError {
  return new UnfitFileError(path, `it has more than ${limit} bytes`, {
    hint: "Check that it is the file that was meant",
  });
}
