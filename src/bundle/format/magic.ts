/** Compressions that are told by the first bytes. */
export type Compression = "gzip" | "zstd" | "xz" | "bzip2" | "zip" | "7z" | "rar";

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["zip", [0x50, 0x4b, 0x03, 0x04]],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["rar", [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
];

/** What the bytes at the beginning of a file say that it is compressed with; undefined if it is not. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  return MAGIC.find(([, bytes]) => bytes.every((byte, at) => head[at] === byte))?.[0];
}
