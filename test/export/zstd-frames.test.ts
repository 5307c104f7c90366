import { decompress } from "fzstd";
import { expect, test } from "vitest";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import { zstdFrames } from "../../src/export/zstd-frames.ts";

const MIB = 1024 * 1024;

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function framesOf(bytes: Buffer, size: number): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  for await (const frame of zstdFrames(inPieces(bytes, size))) frames.push(frame);
  return frames;
}

/** Of a frame that has one, else the size of its content (RFC 8878, 3.1.1.1). */
function windowOf(frame: Buffer): number {
  const descriptor = frame.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (isSingleSegment) return descriptor >> 6 === 0 ? frame.readUInt8(5) : frame.readUInt32LE(5);
  return 1024 << (frame.readUInt8(5) >> 3);
}

test("what comes out of the frames is what went in, however it was cut, and the same each time", async () => {
  const text = Buffer.from("a line that comes again and again\n".repeat(200_000));
  const bytes = Buffer.concat([text, pseudoRandomBytes(1, 0, 3 * MIB), text]);
  const frames = await framesOf(bytes, 65_521);
  expect(frames.length).toBeGreaterThan(3);
  expect(Buffer.from(decompress(Buffer.concat(frames))).equals(bytes)).toBe(true);
  expect(Buffer.concat(frames).length).toBeLessThan(4 * MIB);
  expect(Buffer.concat(await framesOf(bytes, 9 * MIB)).equals(Buffer.concat(frames))).toBe(true);
});

test("no frame needs a window that k3s refuses", async () => {
  const frames = await framesOf(Buffer.alloc(9 * MIB, "0123456789"), MIB);
  expect(frames).toHaveLength(3);
  for (const frame of frames) expect(windowOf(frame)).toBeLessThanOrEqual(32 * MIB);
});
