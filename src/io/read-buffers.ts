/** Bytes asked of a socket or file at once: fewer, larger reads than the 64 KiB that streams take by themselves. */
export const READ_BUFFER_BYTES: number = 256 * 1024;

/** Free buffers of one size that are kept, and their bytes; what is returned beyond them is left to the garbage collector. */
const FREE_LIMIT = 32;
const FREE_BYTES = 8 * 1024 * 1024;

/** By their size. */
const free = new Map<number, ArrayBuffer[]>();

/** Buffers that are in use, and the bytes in them that were read. */
const filled = new WeakMap<ArrayBufferLike, number>();

/**
 * Memory that reads go to. Taking it from here and giving it back, instead of allocating for each read, spares
 * the garbage collector one collection per few megabytes of transfer.
 */
export function takeReadBuffer(bytes: number = READ_BUFFER_BYTES): Buffer {
  return Buffer.from(free.get(bytes)?.pop() ?? new ArrayBuffer(bytes));
}

/** Notes that `length` bytes were read into a buffer of this kind, and returns them. */
export function fillReadBuffer(buffer: Buffer, length: number): Buffer {
  filled.set(buffer.buffer, length);
  return buffer.subarray(0, length);
}

/**
 * Gives back the memory of a chunk that has been consumed: nobody may look at it, or at an earlier chunk of the same
 * stream, any more. A buffer is free when its last byte was consumed; chunks from elsewhere are ignored.
 */
export function recycleReadBuffer(chunk: Buffer): void {
  const length = filled.get(chunk.buffer);
  if (length === undefined || chunk.byteOffset + chunk.length !== length) return;
  filled.delete(chunk.buffer);
  const { byteLength } = chunk.buffer;
  const known = free.get(byteLength);
  if (known === undefined) free.set(byteLength, [chunk.buffer as ArrayBuffer]);
  else if (known.length < Math.min(FREE_LIMIT, FREE_BYTES / byteLength))
    known.push(chunk.buffer as ArrayBuffer);
}
