import type { Dirent, Stats } from "node:fs";
import { dirname, join, sep } from "node:path";
import { hasErrorCode, UnfitFileError } from "../../io/errors.ts";
import { lstat, readdir, realpath, stat } from "../../io/file-system.ts";

/** The files below a directory, and nothing else: links may lead anywhere in it, and not out of it. */
export class TreeFiles {
  /** As its user named it. */
  readonly path: string;
  readonly #root: string;
  readonly #id: string;

  private constructor(path: string, root: string, id: string) {
    this.path = path;
    this.#root = root;
    this.#id = id;
  }

  static async open(path: string): Promise<TreeFiles> {
    const root = await realpath(path);
    return new TreeFiles(path, root, idOf(await stat(root)));
  }

  /** Undefined: it is missing, or a directory. Segments are checked names. */
  async findFile(...segments: readonly string[]): Promise<FoundFile | undefined> {
    const found = await this.#find(segments);
    if (found === undefined || found.stats.isDirectory()) return undefined;
    const { ctimeMs, mtimeMs, size } = found.stats;
    const version = [idOf(found.stats), size, mtimeMs, ctimeMs].join(" ");
    return { path: found.path, size, version };
  }

  async isDirectory(...segments: readonly string[]): Promise<boolean> {
    return (await this.#find(segments))?.stats.isDirectory() ?? false;
  }

  /** Undefined: there is no such directory. */
  async list(...segments: readonly string[]): Promise<readonly Dirent[] | undefined> {
    const found = await this.#find(segments);
    if (!found?.stats.isDirectory()) return undefined;
    return await readdir(found.path, { withFileTypes: true });
  }

  /** Where it really lies; undefined: there is nothing of that name. */
  async #find(
    segments: readonly string[],
  ): Promise<{ readonly path: string; readonly stats: Stats } | undefined> {
    const named = join(this.#root, ...segments);
    try {
      const path = await this.#resolve(named);
      return { path, stats: await stat(path) };
    } catch (error) {
      if (!isMissing(error)) throw error;
      await this.#refuseBroken(named);
      return undefined;
    }
  }

  async #resolve(named: string): Promise<string> {
    const path = await realpath(named);
    const below = this.#root.endsWith(sep) ? this.#root : this.#root + sep;
    if (path === this.#root || path.startsWith(below)) return path;
    throw new UnfitFileError(named, "it is a link out of the tree", {
      hint: `Put what it leads to below "${this.path}"`,
    });
  }

  /** What a link leads to, or the whole tree, may be gone: that is another thing than a name that never was. */
  async #refuseBroken(path: string): Promise<void> {
    if (idOf(await stat(this.#root)) !== this.#id) {
      throw new UnfitFileError(this.#root, "another directory lies there now", {
        hint: "Mount again what was served, or start anew",
      });
    }
    for (let at = path; at !== this.#root; at = dirname(at)) {
      const isLink = await ifThere(async () => (await lstat(at)).isSymbolicLink());
      if (isLink === undefined) continue;
      const isFound = (await ifThere(() => this.#resolve(at))) !== undefined;
      if (isFound || !isLink) return;
      throw new UnfitFileError(at, "it is a link to what is not there", {
        hint: "Copy the tree once more, with everything in it",
      });
    }
  }
}

export interface FoundFile {
  readonly path: string;
  readonly size: number;
  /** The same for as long as nobody writes to it, or puts another one in its place. */
  readonly version: string;
}

/** One directory of one file system: another one may be mounted in its place, or nothing. */
function idOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

async function ifThere<Value>(look: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return hasErrorCode(error, "ENOENT", "ENOTDIR");
}
