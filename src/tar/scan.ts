import { posix } from "node:path";
import { BLOCK_BYTES, paddingOf } from "./block.ts";
import { type Extensions, parseExtension } from "./extension.ts";
import { type Block, isZero, parseBlock } from "./header-block.ts";

/** An entry of a scanned tar: its data is at `offset`, `size` bytes long. */
export interface ScannedEntry {
  readonly path: string;
  /** `other`: a link or a device, which only a lenient scan yields. */
  readonly type: "file" | "directory" | "other";
  /** Path of the entry that a link stands for, from the root of the tar. */
  readonly target?: string;
  /** Position of the first header block. */
  readonly headerOffset: number;
  readonly offset: number;
  readonly size: number;
}

/** Reads `length` bytes at a position; fewer only at the end of the tar. */
type ReadAt = (position: number, length: number) => Promise<Buffer>;

export interface ScanOptions {
  readonly read: ReadAt;
  /** Bytes of the whole tar. */
  readonly size: number;
  /** Position of the first header; default 0. */
  readonly start?: number;
  /** Yields links and devices, too, instead of refusing them; default false. */
  readonly isLenient?: boolean;
  /** Makes the error for a damaged tar; `cut-off`: bytes behind the last one may be missing. */
  readonly corrupt: (offset: number, reason: string, cause?: "cut-off") => Error;
}

/** Longest PAX or GNU name block that is read. */
const EXTENSION_LIMIT_BYTES = 64 * 1024;

/** Headers are read through a window, so that many small files cost few reads. */
const WINDOW_BYTES = 128 * 1024;

const NONE: Extensions = {};

/**
 * Yields the entries of a tar without reading their data. Reads ustar, PAX and GNU long names. Corrupt are links,
 * devices, sparse files, bad checksums, data that runs over the end, and whatever two readers could take differently:
 * directories with data, attributes for all entries, anything but zeros behind the end.
 */
export async function* scanTar(options: ScanOptions): AsyncGenerator<ScannedEntry> {
  const { size, corrupt, start = 0 } = options;
  const read = windowed(options);
  let extensions = NONE;
  /** Where the headers of the entry that is being read start. */
  let headerOffset = start;
  let position = start;
  while (position < size) {
    const header = await readHeader(options, read, position, extensions);
    if (!header) {
      if (extensions !== NONE) throw corrupt(position, "an extended header has no entry");
      return;
    }
    const { type, end } = header;
    const entry = toEntry(header, extensions);
    if (entry) {
      yield { ...entry, headerOffset };
      extensions = NONE;
      headerOffset = end;
    } else {
      const found = await readExtension(options, read, header);
      if (type !== "global") extensions = { ...extensions, ...found };
    }
    position = end;
  }
  throw corrupt(Math.min(position, size), "the end-of-archive blocks are missing", "cut-off");
}

interface Header extends Block {
  readonly headerOffset: number;
  /** First byte of the data. */
  readonly offset: number;
  readonly length: number;
  /** Where the next header is. */
  readonly end: number;
}

/** The header at a position; undefined at the end of the archive. */
async function readHeader(
  options: ScanOptions,
  read: ReadAt,
  position: number,
  extensions: Extensions,
): Promise<Header | undefined> {
  const { size, corrupt } = options;
  const block = await read(position, BLOCK_BYTES);
  if (block.length < BLOCK_BYTES) throw corrupt(position, "the header is cut off", "cut-off");
  if (isZero(block)) {
    await expectZeros(options, read, position);
    return undefined;
  }
  const isEnd = size - position <= 2 * BLOCK_BYTES;
  const header = parseBlock(block, options, (reason) =>
    corrupt(position, isEnd ? "the end-of-archive blocks are not zeros" : reason),
  );
  const { type, name } = header;
  const offset = position + BLOCK_BYTES;
  const length = lengthOf(header, extensions);
  const end = offset + length + paddingOf(length);
  if (!Number.isSafeInteger(end) || offset + length > size) {
    throw corrupt(position, `"${name}" claims ${length} bytes, more than are left`, "cut-off");
  }
  if (type === "directory" && length > 0) {
    throw corrupt(position, `directory "${name}" claims ${length} bytes`);
  }
  return { ...header, headerOffset: position, offset, length, end };
}

function lengthOf({ type, size }: Block, extensions: Extensions): number {
  // Some programs give a link the size of what it stands for
  if (type === "symbolic-link" || type === "hard-link") return 0;
  return type === "file" ? (extensions.size ?? size) : size;
}

/** Undefined for a header that only says something about others. */
function toEntry(
  { type, name, target: named, offset, length: size }: Header,
  extensions: Extensions,
): Omit<ScannedEntry, "headerOffset"> | undefined {
  const path = extensions.path ?? name;
  const target = extensions.target ?? named;
  switch (type) {
    case "file":
    case "directory":
    case "other":
      return { path, type, offset, size };
    case "hard-link":
      return { path, type: "other", target: resolveLink("", target), offset, size };
    case "symbolic-link":
      return {
        path,
        type: "other",
        target: resolveLink(posix.dirname(path), target),
        offset,
        size,
      };
    default:
      return undefined;
  }
}

/** A symbolic link goes from its own directory, a hard link from the root of the tar. */
function resolveLink(from: string, target: string): string {
  return posix.normalize(posix.join("/", from, target)).slice(1);
}

async function readExtension(
  { corrupt }: ScanOptions,
  read: ReadAt,
  { type, headerOffset, offset, length }: Header,
): Promise<Extensions> {
  const refuse = (reason: string) => corrupt(headerOffset, reason);
  if (length > EXTENSION_LIMIT_BYTES) throw refuse("the extended header is too large");
  const bytes = await read(offset, length);
  if (bytes.length < length) throw refuse("the extended header is cut off");
  return parseExtension(type, bytes, refuse);
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

/** Whoever overwrites a header with zeros cannot hide what comes behind it. */
async function expectZeros(
  { size, corrupt }: ScanOptions,
  read: ReadAt,
  start: number,
): Promise<void> {
  for (let position = start; position < size; position += WINDOW_BYTES) {
    const bytes = await read(position, Math.min(WINDOW_BYTES, size - position));
    const at = bytes.findIndex((byte) => byte !== 0);
    if (at < 0 && position + bytes.length < Math.min(position + WINDOW_BYTES, size)) {
      const end = position + bytes.length;
      throw corrupt(end, "the end-of-archive blocks are cut off", "cut-off");
    }
    if (at < 0) continue;
    const isEnd = position + at < start + 2 * BLOCK_BYTES && size - start <= 2 * BLOCK_BYTES;
    throw corrupt(
      isEnd ? position + at : start,
      isEnd
        ? "the end-of-archive blocks are not zeros"
        : `the archive ends here, but data follows at byte ${position + at} of the package`,
    );
  }
}
