import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { mkdir, readdir, rename, rm, stat, utimes, writeFrom } from "../../io/file-system.ts";
import { readFileSystem } from "../../io/free-space.ts";
import { mapLimited } from "../../run/map-limited.ts";

export interface CacheRoomOptions {
  /** Most bytes that the directory takes; default 2 GiB. */
  readonly limitBytes?: number | undefined;
}

const DEFAULT_LIMIT_BYTES = 2 * 1024 ** 3;

/** A cache is a favor: it leaves so much of its disk to others. */
const LEFT_FREE_BYTES = 256 * 1024 * 1024;

/** Of the limit that is left when room was made, so that not every file makes room for itself. */
const FILL_SHARE = 0.75;

/** https://bford.info/cachedir: what copies and backs up directories leaves this one out. */
const TAG_FILE = "CACHEDIR.TAG";
const TAG = "Signature: 8a477f597d28d172789f06886806bc55\n";

/** A cache may have a hundred thousand files. */
const STATS_AT_ONCE = 8;

interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly usedAt: number;
}

/**
 * A directory that several processes keep files in, up to a bound. What was not used for longest goes first; what has
 * been used since this process began stays, since it is wanted again. Files appear under their name whole, or not at all.
 */
export class CacheRoom {
  readonly directory: string;
  readonly #limitBytes: number;
  /** Clocks of file systems may lag behind that of the process. */
  readonly #begunAt = Date.now() - 1000;
  #usedBytes: number | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, limitBytes: number) {
    this.directory = directory;
    this.#limitBytes = limitBytes;
  }

  /** Rejects if the directory cannot be written. */
  static async open(
    directory: string,
    { limitBytes = DEFAULT_LIMIT_BYTES }: CacheRoomOptions = {},
  ): Promise<CacheRoom> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const room = new CacheRoom(directory, limitBytes);
    const temporary = room.temporaryPath(TAG_FILE);
    await writeFrom(temporary, [Buffer.from(TAG)]);
    await rename(temporary, join(directory, TAG_FILE));
    return room;
  }

  /** A name for what is being written; it may stay for a while where a process is killed. */
  temporaryPath(name: string): string {
    return join(this.directory, `${name}.${randomUUID()}.tmp`);
  }

  /** Whether so many bytes may be added; makes room for them. */
  admit(bytes: number): Promise<boolean> {
    const admitted = this.#queue.then(() => this.#admit(bytes));
    this.#queue = admitted.catch(() => {});
    return admitted;
  }

  /** Notes that a file is of use. */
  async touch(path: string): Promise<void> {
    const now = new Date();
    await utimes(path, now, now).catch(() => {});
  }

  async #admit(bytes: number): Promise<boolean> {
    if (bytes > this.#limitBytes / 2) return false;
    const fileSystem = await readFileSystem(this.directory);
    if (fileSystem && fileSystem.freeBytes - bytes < LEFT_FREE_BYTES) return false;
    this.#usedBytes ??= sum(await this.#list());
    if (this.#usedBytes + bytes > this.#limitBytes) await this.#makeRoom(bytes);
    if (this.#usedBytes + bytes > this.#limitBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  async #makeRoom(bytes: number): Promise<void> {
    const files = await this.#list();
    let used = sum(files);
    files.sort((left, right) => left.usedAt - right.usedAt);
    for (const { path, size, usedAt } of files) {
      if (used + bytes <= this.#limitBytes * FILL_SHARE || usedAt >= this.#begunAt) break;
      await rm(path, { force: true });
      used -= size;
    }
    this.#usedBytes = used;
  }

  /** Others add and remove files meanwhile. */
  async #list(): Promise<FoundFile[]> {
    const names = await readdir(this.directory, { recursive: true });
    const found = await mapLimited(names, STATS_AT_ONCE, async (name) => {
      const path = join(this.directory, name);
      const stats = await stat(path).catch(() => undefined);
      return stats?.isFile() ? { path, size: stats.size, usedAt: stats.mtimeMs } : undefined;
    });
    return found.filter((file) => file !== undefined);
  }
}

function sum(files: readonly FoundFile[]): number {
  return files.reduce((total, { size }) => total + size, 0);
}
