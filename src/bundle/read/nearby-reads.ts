import type { Place } from "../format/layout-table.ts";

/** What is read at once: some dozen of the smallest blobs with their headers. */
const WINDOW_BYTES = 64 * 1024;
/** What is larger is read by itself. */
const NEARBY_BYTES = WINDOW_BYTES / 4;
/** Of several readers, each goes through a place of its own. */
const WINDOWS = 4;

/** Fills the memory from a position of a package; returns the bytes found, fewer at its end. */
type ReadAt = (index: number, position: number, memory: Buffer) => Promise<number>;

interface Window {
  readonly index: number;
  readonly start: number;
  readonly bytes: Promise<Buffer>;
}

/**
 * Small reads of packages, through windows that hold what lies behind what was asked for: who reads blob by blob asks the
 * file system for dozens at once.
 */
export class NearbyReads {
  readonly #read: ReadAt;
  /** Used last is last. */
  #windows: readonly Window[] = [];

  constructor(read: ReadAt) {
    this.#read = read;
  }

  /** A copy of the bytes at a place of a package; undefined where they have to be read by themselves. */
  async find(place: Pick<Place, "package" | "offset" | "size">): Promise<Buffer | undefined> {
    const { package: index, offset, size } = place;
    if (size > NEARBY_BYTES) return undefined;
    const window = this.#windowOf(index, offset, size);
    const bytes = await window.bytes;
    const start = offset - window.start;
    return start + size <= bytes.length
      ? Buffer.from(bytes.subarray(start, start + size))
      : undefined;
  }

  #windowOf(index: number, position: number, size: number): Window {
    const end = position + size;
    const known = this.#windows.find(
      (window) =>
        window.index === index && window.start <= position && end <= window.start + WINDOW_BYTES,
    );
    const window = known ?? { index, start: position, bytes: this.#open(index, position) };
    const others = this.#windows.filter((other) => other !== window);
    this.#windows = [...others, window].slice(-WINDOWS);
    return window;
  }

  async #open(index: number, position: number): Promise<Buffer> {
    const memory = Buffer.allocUnsafeSlow(WINDOW_BYTES);
    try {
      return memory.subarray(0, await this.#read(index, position, memory));
    } catch {
      // what is asked for may be readable all the same: whoever reads it by itself sees
      return memory.subarray(0, 0);
    }
  }
}
