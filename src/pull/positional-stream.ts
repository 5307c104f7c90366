import { Readable } from "node:stream";

const READ_BYTES = 1024 * 1024;

/** Streams the first `end` bytes of something that is read by position. */
export function readableOf(
  end: number,
  read: (position: number, buffer: Buffer) => Promise<number>,
): Readable {
  let position = 0;
  return new Readable({
    highWaterMark: READ_BYTES,
    read() {
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - position));
      read(position, buffer).then(
        (found) => {
          position += found;
          if (found > 0) this.push(buffer.subarray(0, found));
          if (found < buffer.length || position >= end) this.push(null);
        },
        (error) => this.destroy(error),
      );
    },
  });
}
