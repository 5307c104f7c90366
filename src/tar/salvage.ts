import { BLOCK_BYTES } from "./block.ts";
import { guessHeaderName, readHeaderName } from "./header-block.ts";
import { type ScannedEntry, type ScanOptions, scanTar } from "./scan.ts";

/** A run of bytes between readable entries. */
export interface TarDamage {
  readonly start: number;
  readonly end: number;
  /** Position and reason of the first thing that is wrong. */
  readonly offset: number;
  readonly reason: string;
  /** The name that the damaged header seems to have. */
  readonly path?: string;
  /** Bytes behind the last one of the tar may be missing. */
  readonly isCutOff?: true;
}

export interface SalvageOptions extends Pick<ScanOptions, "read" | "size" | "isLenient"> {
  /** Whether an entry may have this name; what looks like the header of any other is data. */
  readonly accepts: (path: string) => boolean;
  readonly onDamage: (damage: TarDamage) => void;
  /** First position from this one on whose bytes can be read; the size of the tar if there is none. */
  readonly skipGap: (position: number) => number;
}

class Damaged extends Error {
  readonly offset: number;
  readonly isCutOff: boolean;

  constructor(offset: number, reason: string, isCutOff: boolean) {
    super(reason);
    this.offset = offset;
    this.isCutOff = isCutOff;
  }
}

/** Yields the entries that are left of a damaged tar: behind what cannot be read, the next header is searched for. */
export async function* salvageTar(options: SalvageOptions): AsyncGenerator<ScannedEntry> {
  const { read, size, isLenient = false, accepts, onDamage } = options;
  const corrupt: ScanOptions["corrupt"] = (offset, reason, cause) =>
    new Damaged(offset, reason, cause === "cut-off");
  let start: number | undefined = 0;
  while (start !== undefined) {
    let end: number = start;
    try {
      for await (const entry of scanTar({ read, size, isLenient, corrupt, start })) {
        end = entry.offset + Math.ceil(entry.size / BLOCK_BYTES) * BLOCK_BYTES;
        yield entry;
      }
      return;
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      const name = guessHeaderName(await read(error.offset, BLOCK_BYTES));
      start = await findHeader(options, Math.max(end, error.offset) + BLOCK_BYTES);
      onDamage({
        start: end,
        end: start ?? size,
        offset: error.offset,
        reason: error.message,
        ...(error.isCutOff ? { isCutOff: true } : {}),
        ...(accepts(name) ? { path: name } : {}),
      });
    }
  }
}

/** Bytes that are searched at once. */
const SEARCH_BYTES = 1024 * 1024;

async function findHeader(
  { read, size, accepts, skipGap }: SalvageOptions,
  from: number,
): Promise<number | undefined> {
  for (let start = alignUp(skipGap(from)); start < size; ) {
    const bytes = await read(start, Math.min(SEARCH_BYTES, size - start));
    for (let at = 0; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) {
      if (bytes[at + 257] !== 0x75) continue; // "u" of "ustar"
      const name = readHeaderName(bytes.subarray(at, at + BLOCK_BYTES));
      if (name !== undefined && accepts(name)) return start + at;
    }
    const next = start + Math.max(bytes.length - (bytes.length % BLOCK_BYTES), BLOCK_BYTES);
    start = alignUp(skipGap(next));
  }
  return undefined;
}

function alignUp(position: number): number {
  return Math.ceil(position / BLOCK_BYTES) * BLOCK_BYTES;
}
