import { dirname, join } from "node:path";
import { makeDirectoryDurably } from "../../io/durable.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { readdir, rm, stat, utimes } from "../../io/file-system.ts";

export interface KeptFilesOptions {
  /** Most bytes that are kept; what is being fetched or read comes on top. Default: no bound. */
  readonly limitBytes?: number | undefined;
  /** What was not asked for this long goes; default 7 days. */
  readonly ttlMs?: number | undefined;
  /** Time of the day in milliseconds. */
  readonly now: () => number;
  /** Files that stay, once for each who needs them; they come on top as well. */
  readonly pinned?: readonly string[] | undefined;
}

/** The same object for as long as the file is kept. */
export interface KeptFile {
  readonly name: string;
  readonly size: number;
}

interface KnownFile extends KeptFile {
  size: number;
  usedAt: number;
  /** Time in the file system: it is renewed once a minute at most. */
  notedAt: number;
  /** Who reads or writes it. */
  holders: number;
}

export const DEFAULT_TTL_MS: number = 7 * 24 * 3_600_000;

/** Of the limit that is left when room was made, so that not every file makes room for itself. */
const FILL_SHARE = 0.9;

const NOTE_MS = 60_000;

/**
 * The files below a directory that one process owns, by their path there: which there are, when they were used last, and
 * which go when there are too many. What somebody holds stays.
 */
export class KeptFiles {
  readonly directory: string;
  readonly #options: KeptFilesOptions;
  readonly #files = new Map<string, KnownFile>();
  readonly #removing = new Map<string, Promise<void>>();
  /** How many need a file; it need not be there yet. */
  readonly #pins = new Map<string, number>();
  #usedBytes = 0;
  #pinnedBytes = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;

  private constructor(directory: string, options: KeptFilesOptions) {
    this.directory = directory;
    this.#options = options;
  }

  /** Removes what was not finished, and what is too much or too old. */
  static async open(directory: string, options: KeptFilesOptions): Promise<KeptFiles> {
    await makeDirectoryDurably(directory);
    const kept = await KeptFiles.scan(directory, options);
    for (const name of kept.names().filter((found) => found.endsWith(".tmp"))) {
      await kept.remove(name);
    }
    await kept.evict();
    return kept;
  }

  /** Only looks, also where another process writes and removes. */
  static async scan(directory: string, options: KeptFilesOptions): Promise<KeptFiles> {
    const kept = new KeptFiles(directory, options);
    for (const name of options.pinned ?? []) kept.pin(name);
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((found) => found.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const stats = await stat(path).catch(absent);
      if (!stats) continue;
      const name = path.slice(directory.length + 1);
      kept.#set(name, { size: stats.size, usedAt: stats.mtimeMs });
    }
    return kept;
  }

  names(): readonly string[] {
    return [...this.#files.keys()];
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes of what somebody needs. */
  get pinnedBytes(): number {
    return this.#pinnedBytes;
  }

  /** Whatever happens to the file, it is not removed to make room. */
  pin(name: string): void {
    if (!this.#pins.has(name)) this.#pinnedBytes += this.sizeOf(name) ?? 0;
    this.#pins.set(name, (this.#pins.get(name) ?? 0) + 1);
  }

  /** One who needs it less. */
  unpin(name: string): void {
    const left = (this.#pins.get(name) ?? 1) - 1;
    if (left > 0) this.#pins.set(name, left);
    else if (this.#pins.delete(name)) this.#pinnedBytes -= this.sizeOf(name) ?? 0;
  }

  isPinned(name: string): boolean {
    return this.#pins.has(name);
  }

  pathOf(name: string): string {
    return join(this.directory, name);
  }

  find(name: string): KeptFile | undefined {
    return this.#files.get(name);
  }

  sizeOf(name: string): number | undefined {
    return this.#files.get(name)?.size;
  }

  /** Notes that a file is of use, and keeps it until the returned function is called. */
  hold(name: string): () => void {
    const file = this.#files.get(name);
    if (file === undefined) return () => {};
    file.holders += 1;
    this.#touch(name, file);
    let isHeld = true;
    return () => {
      if (isHeld) file.holders -= 1;
      isHeld = false;
    };
  }

  /** Makes way for a file of that name: its directory is there, and nothing is about to be removed. */
  async prepare(name: string): Promise<string> {
    const path = this.pathOf(name);
    await this.#removing.get(name);
    await makeDirectoryDurably(dirname(path));
    return path;
  }

  /** A file is there now, or has another size. */
  add(name: string, size: number): void {
    this.#set(name, { size, usedAt: this.#options.now() });
  }

  /** A file has got another name. */
  forget(name: string): void {
    this.#count(name, -(this.#files.get(name)?.size ?? 0));
    this.#files.delete(name);
  }

  async remove(name: string): Promise<void> {
    this.forget(name);
    const removing = rm(this.pathOf(name), { force: true });
    this.#removing.set(
      name,
      removing.catch(() => {}),
    );
    try {
      await removing;
    } finally {
      this.#removing.delete(name);
    }
  }

  /**
   * Removes what was not used for too long, and then what was not used for longest, while there is too much; looks for what is
   * too old once a minute, or when that is due.
   */
  async evict({ isDue = false }: { readonly isDue?: boolean } = {}): Promise<void> {
    const { limitBytes = Number.POSITIVE_INFINITY, now, ttlMs = DEFAULT_TTL_MS } = this.#options;
    const evictable = this.#usedBytes - this.#pinnedBytes;
    const isRecent = now() - this.#lookedAt < NOTE_MS;
    if (evictable <= limitBytes && isRecent && !isDue) return;
    this.#lookedAt = now();
    const wanted =
      this.#pinnedBytes + (evictable > limitBytes ? limitBytes * FILL_SHARE : limitBytes);
    const idle = [...this.#files].sort(([, left], [, right]) => left.usedAt - right.usedAt);
    for (const [name, file] of idle) {
      const isOld = now() - file.usedAt > ttlMs;
      if (!isOld && this.#usedBytes <= wanted) return;
      const isFree = file.holders === 0 && !this.#pins.has(name);
      if (isFree && this.#files.get(name) === file) await this.remove(name);
    }
  }

  #set(name: string, { size, usedAt }: Pick<KnownFile, "size" | "usedAt">): void {
    const known = this.#files.get(name);
    this.#count(name, size - (known?.size ?? 0));
    if (known) Object.assign(known, { size, usedAt, notedAt: usedAt });
    else this.#files.set(name, { name, size, usedAt, notedAt: usedAt, holders: 0 });
  }

  #count(name: string, bytes: number): void {
    this.#usedBytes += bytes;
    if (this.#pins.has(name)) this.#pinnedBytes += bytes;
  }

  #touch(name: string, file: KnownFile): void {
    const now = this.#options.now();
    file.usedAt = now;
    if (now - file.notedAt < NOTE_MS) return;
    file.notedAt = now;
    const time = new Date(now);
    // The order in which files go after the next start is all that hangs on it
    utimes(this.pathOf(name), time, time).catch(() => {});
  }
}

function absent(error: unknown): undefined {
  if (!hasErrorCode(error, "ENOENT")) throw error;
}
