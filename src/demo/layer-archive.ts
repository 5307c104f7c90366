import { crc32 } from "node:zlib";

/** File path → contents. */
export type LayerFiles = Readonly<Record<string, string | Buffer>>;

/** A tar of regular files with fixed owner, mode and time, in the order given. */
export function layerTar(files: LayerFiles): Buffer {
  const entries = Object.entries(files).flatMap(([path, contents]) => {
    const bytes = Buffer.from(contents);
    return [tarHeader(path, bytes.length), bytes, Buffer.alloc(padding(bytes.length))];
  });
  return Buffer.concat([...entries, Buffer.alloc(2 * TAR_BLOCK_BYTES)]);
}

/**
 * gzip with stored blocks and fixed header fields. What zlib makes of the same bytes differs between its versions and
 * processors, and digests in tests and in the demo have to stay the same everywhere.
 */
export function storedGzip(bytes: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += STORED_BLOCK_LIMIT_BYTES) {
    const block = bytes.subarray(start, start + STORED_BLOCK_LIMIT_BYTES);
    const isLast = start + block.length === bytes.length;
    const header = Buffer.alloc(5);
    header.writeUInt8(isLast ? 1 : 0, 0);
    header.writeUInt16LE(block.length, 1);
    header.writeUInt16LE(block.length ^ 0xffff, 3);
    blocks.push(header, block);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([GZIP_HEADER, ...blocks, trailer]);
}

const TAR_BLOCK_BYTES = 512;

/** RFC 1952: magic, deflate, no flags, no time, no extra flags, system unknown. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

/** RFC 1951, section 3.2.4. */
const STORED_BLOCK_LIMIT_BYTES = 0xffff;

function padding(size: number): number {
  return (TAR_BLOCK_BYTES - (size % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

function tarHeader(path: string, size: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new TypeError(`Path is too long for ustar: ${path}`);
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(path, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136);
  header.write("        0", 148);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)} `, 148);
  return header;
}
