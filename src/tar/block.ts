/** Everything in a tar is a whole number of these (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const BLOCK_BYTES = 512;

/** Bytes of zeros that fill the last block of an entry's data. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** Sum of the header's bytes with the checksum field read as spaces. */
export function checksumOf(block: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
  return sum;
}
