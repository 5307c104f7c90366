import type { Readable } from "node:stream";

/** What was written to a stream and not taken yet. From Node.js 26 on, `read()` gives one piece of it at a time. */
export function textOf(stream: Readable): string {
  const pieces: Buffer[] = [];
  for (let piece = stream.read(); piece !== null; piece = stream.read()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
