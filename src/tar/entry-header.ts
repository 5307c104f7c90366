import { BLOCK_BYTES, checksumOf, paddingOf } from "./block.ts";

/** A regular file of a tar. */
export interface TarEntry {
  readonly path: string;
  readonly size: number;
}

/** Largest size that eleven octal digits hold; larger ones need a PAX record. */
const USTAR_SIZE_LIMIT = 0o77777777777;

/**
 * Header blocks of one regular file: one ustar block, with PAX blocks before it only where the path or the size does
 * not fit. Written here and not by a library, because the same plan has to give the same bytes with every version.
 *
 *   name 0+100 | mode 100+8 | uid 108+8 | gid 116+8 | size 124+12 | mtime 136+12 | checksum 148+8 | type 156+1
 *   | link 157+100 | "ustar\0" 257+6 | "00" 263+2 | names and devices, empty | prefix 345+155
 */
export function formatEntryHeader({ path, size }: TarEntry): Buffer {
  const split = splitPath(path);
  const records = [
    ...(split ? [] : [paxRecord("path", path)]),
    ...(size > USTAR_SIZE_LIMIT ? [paxRecord("size", String(size))] : []),
  ].join("");
  const { prefix, name } = split ?? { prefix: "", name: path.slice(-100) };
  const block = formatBlock({ prefix, name, size: Math.min(size, USTAR_SIZE_LIMIT), type: "0" });
  if (records === "") return block;
  const length = Buffer.byteLength(records);
  const pax = formatBlock({ prefix: "", name: "PaxHeader", size: length, type: "x" });
  return Buffer.concat([pax, Buffer.from(records), Buffer.alloc(paddingOf(length)), block]);
}

/** Bytes of the header blocks of a file. */
export function measureEntryHeader(entry: TarEntry): number {
  const isPlain = Buffer.byteLength(entry.path) <= 100 && entry.size <= USTAR_SIZE_LIMIT;
  return isPlain ? BLOCK_BYTES : formatEntryHeader(entry).length;
}

interface Fields {
  readonly prefix: string;
  readonly name: string;
  readonly size: number;
  readonly type: "0" | "x";
}

function formatBlock({ prefix, name, size, type }: Fields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0, 100, "utf8");
  block.write("0000644\0", 100, "latin1");
  block.write("0000000\0", 108, "latin1");
  block.write("0000000\0", 116, "latin1");
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  block.write("00000000000\0", 136, "latin1");
  block.write(type, 156, "latin1");
  block.write("ustar\u000000", 257, "latin1");
  block.write(prefix, 345, 155, "utf8");
  block.write(`${checksumOf(block).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Splits at the first slash that leaves a name of at most 100 bytes; the prefix may have 155. */
function splitPath(path: string): { prefix: string; name: string } | undefined {
  if (Buffer.byteLength(path) <= 100) return { prefix: "", name: path };
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(name) <= 100) {
      return Buffer.byteLength(prefix) <= 155 ? { prefix, name } : undefined;
    }
  }
  return undefined;
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (String(length).length > String(bytes).length) length = bytes + String(length).length;
  return `${length}${rest}`;
}
