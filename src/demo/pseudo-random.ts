import { createCipheriv } from "node:crypto";

const BLOCK_BYTES = 16;

/**
 * Bytes `start` to `end` of an endless stream that only the seed decides: reproducible, incompressible, fast, and
 * readable from any position.
 */
export function pseudoRandomBytes(seed: number, start: number, end: number): Buffer {
  const key = Buffer.alloc(BLOCK_BYTES);
  key.writeUInt32BE(seed);
  const counter = Buffer.alloc(BLOCK_BYTES);
  const firstBlock = Math.floor(start / BLOCK_BYTES);
  counter.writeBigUInt64BE(BigInt(firstBlock), 8);
  const skipped = start - firstBlock * BLOCK_BYTES;
  const cipher = createCipheriv("aes-128-ctr", key, counter);
  return cipher.update(Buffer.alloc(skipped + end - start)).subarray(skipped);
}
