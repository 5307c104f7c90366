import { BLOCK_BYTES, checksumOf, paddingOf } from "./block.ts";

/** An entry of a scanned tar: its data is at `offset`, `size` bytes long. */
export interface ScannedEntry {
  readonly path: string;
  readonly type: "file" | "directory";
  /** Position of the first header block. */
  readonly headerOffset: number;
  readonly offset: number;
  readonly size: number;
}

/** Reads `length` bytes at a position; fewer only at the end of the tar. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

export interface ScanOptions {
  readonly read: ReadAt;
  /** Bytes of the whole tar. */
  readonly size: number;
  /** Makes the error for a damaged tar. */
  readonly corrupt: (offset: number, reason: string) => Error;
}

/** Longest PAX or GNU name block that is read. */
const EXTENSION_LIMIT_BYTES = 64 * 1024;

/** Headers are read through a window, so that many small files cost few reads. */
const WINDOW_BYTES = 128 * 1024;

interface Extensions {
  path?: string;
  size?: number;
}

/**
 * Yields the entries of a tar without reading their data. Reads ustar, PAX and GNU long names; links, devices and
 * sparse files are corrupt here, as are bad checksums and data that runs over the end.
 */
export async function* scanTar(options: ScanOptions): AsyncGenerator<ScannedEntry> {
  const { size, corrupt } = options;
  const read = windowed(options);
  let extensions: Extensions = {};
  let headerOffset = 0;
  let position = 0;
  while (position < size) {
    const block = await read(position, BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw corrupt(position, "the header is cut off");
    if (isZero(block)) {
      await expectEnd(read, position, size, corrupt);
      return;
    }
    const header = parseBlock(block, (reason) => corrupt(position, reason));
    const offset = position + BLOCK_BYTES;
    const length = header.type === "file" ? (extensions.size ?? header.size) : header.size;
    const end = offset + length + paddingOf(length);
    if (!Number.isSafeInteger(end) || offset + length > size) {
      throw corrupt(position, `"${header.name}" claims ${length} bytes, more than are left`);
    }
    if (header.type === "pax" || header.type === "long-name") {
      if (length > EXTENSION_LIMIT_BYTES)
        throw corrupt(position, "the extended header is too large");
      const bytes = await read(offset, length);
      Object.assign(extensions, parseExtension(header.type, bytes));
    } else if (header.type !== "ignored") {
      yield {
        path: extensions.path ?? header.name,
        type: header.type,
        headerOffset,
        offset,
        size: length,
      };
      extensions = {};
      headerOffset = end;
    }
    position = end;
  }
  throw corrupt(position, "the end-of-archive blocks are missing");
}

function windowed({ read, size }: ScanOptions): ReadAt {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return async (position, length) => {
    if (position < start || position + length > start + window.length) {
      start = position;
      window = await read(position, Math.min(Math.max(length, WINDOW_BYTES), size - position));
    }
    return window.subarray(position - start, position - start + length);
  };
}

async function expectEnd(
  read: ReadAt,
  position: number,
  size: number,
  corrupt: ScanOptions["corrupt"],
): Promise<void> {
  const second = await read(position + BLOCK_BYTES, BLOCK_BYTES);
  if (second.length < BLOCK_BYTES && position + BLOCK_BYTES < size) {
    throw corrupt(position, "the end-of-archive blocks are cut off");
  }
  if (!isZero(second)) throw corrupt(position, "a header is overwritten with zeros");
}

interface Block {
  readonly name: string;
  readonly size: number;
  readonly type: "file" | "directory" | "pax" | "long-name" | "ignored";
}

function parseBlock(block: Buffer, corrupt: (reason: string) => Error): Block {
  const checksum = Number.parseInt(field(block, 148, 8), 8);
  if (checksum !== checksumOf(block)) throw corrupt("the header's checksum does not match");
  const type = typeOf(String.fromCharCode(block[156] ?? 0));
  if (type === undefined) {
    throw corrupt(`"${field(block, 0, 100)}" is neither a regular file nor a directory`);
  }
  const isUstar = field(block, 257, 5) === "ustar";
  const prefix = isUstar ? field(block, 345, 155) : "";
  const name = field(block, 0, 100);
  const size = parseSize(block.subarray(124, 136));
  if (size === undefined) throw corrupt(`"${name}" has an unreadable size`);
  return { name: prefix === "" ? name : `${prefix}/${name}`, size, type };
}

function typeOf(flag: string): Block["type"] | undefined {
  switch (flag) {
    case "0":
    case "\0":
    case "7":
      return "file";
    case "5":
      return "directory";
    case "x":
      return "pax";
    case "L":
      return "long-name";
    case "g":
      return "ignored";
    default:
      return undefined;
  }
}

/** Octal digits, or base 256 if the first bit is set (GNU, star). */
function parseSize(bytes: Buffer): number | undefined {
  if (((bytes[0] ?? 0) & 0x80) !== 0) {
    const value = BigInt(`0x${bytes.subarray(1).toString("hex")}`);
    return bytes[0] === 0x80 && value <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(value)
      : undefined;
  }
  const text = bytes
    .toString("latin1")
    .replace(/[\0 ]+$/, "")
    .trimStart();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function parseExtension(type: "pax" | "long-name", bytes: Buffer): Extensions {
  if (type === "long-name") return { path: bytes.toString("utf8").replace(/\0+$/, "") };
  const extensions: Extensions = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number.parseInt(bytes.toString("latin1", at, space), 10);
    if (space < 0 || !(length > space - at)) break;
    const [key, value] = splitRecord(bytes.toString("utf8", space + 1, at + length - 1));
    if (key === "path") extensions.path = value;
    if (key === "size" && /^\d{1,16}$/.test(value)) extensions.size = Number(value);
    at += length;
  }
  return extensions;
}

function splitRecord(record: string): [key: string, value: string] {
  const equals = record.indexOf("=");
  return [record.slice(0, equals), record.slice(equals + 1)];
}

function field(block: Buffer, start: number, length: number): string {
  const bytes = block.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? length : end);
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
