import { BLOCK_BYTES, checksumOf } from "./block.ts";

/** A header of ustar, PAX or GNU tar, as POSIX 1003.1 (pax, "ustar Interchange Format") lays it out. */
export interface Block {
  readonly name: string;
  readonly size: number;
  readonly type:
    | "file"
    | "directory"
    | "pax"
    | "long-name"
    | "global"
    | "long-target"
    | "symbolic-link"
    | "hard-link"
    | "other";
  /** What a link names. */
  readonly target: string;
}

/** Throws for a wrong checksum, an unreadable size and, unless lenient, whatever is neither file nor directory. */
export function parseBlock(
  block: Buffer,
  { isLenient = false }: { readonly isLenient?: boolean },
  corrupt: (reason: string) => Error,
): Block {
  const checksum = Number.parseInt(field(block, 148, 8), 8);
  if (checksum !== checksumOf(block)) throw corrupt("the header's checksum does not match");
  const flag = String.fromCharCode(block[156] ?? 0);
  const found = typeOf(flag) ?? (isLenient ? linkTypeOf(flag) : undefined);
  if (found === undefined) {
    throw corrupt(`"${field(block, 0, 100)}" is neither a regular file nor a directory`);
  }
  // GNU headers ("ustar  ") have times where POSIX has the prefix
  const isPosix = block.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isPosix ? field(block, 345, 155) : "";
  const name = field(block, 0, 100);
  // Headers before ustar have no other mark of a directory
  const type = found === "file" && name.endsWith("/") ? "directory" : found;
  const size = parseSize(block.subarray(124, 136));
  if (size === undefined) throw corrupt(`"${name}" has an unreadable size`);
  const target = field(block, 157, 100);
  return { name: prefix === "" ? name : `${prefix}/${name}`, size, type, target };
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
      return "global";
    default:
      return undefined;
  }
}

function linkTypeOf(flag: string): Block["type"] {
  switch (flag) {
    case "1":
      return "hard-link";
    case "2":
      return "symbolic-link";
    case "K":
      return "long-target";
    default:
      return "other";
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

/** Whether a block is the header of an entry of any type. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < BLOCK_BYTES || isZero(block)) return false;
  return Number.parseInt(field(block, 148, 8), 8) === checksumOf(block);
}

/** Name and type of a header block; undefined if it is none. */
export function readHeaderName(block: Buffer): string | undefined {
  try {
    const { name, type } = parseBlock(block, {}, (reason) => new Error(reason));
    return type === "file" ? name : undefined;
  } catch {
    return undefined;
  }
}

/** The name that a damaged header block seems to have. */
export function guessHeaderName(block: Buffer): string {
  const [prefix, name] = [field(block, 345, 155), field(block, 0, 100)];
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Text up to the first NUL. */
export function field(block: Buffer, start: number, length: number): string {
  const bytes = block.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? length : end);
}

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
