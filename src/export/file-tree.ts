import { basename, dirname, join, relative } from "node:path";
import { hasErrorCode } from "../io/errors.ts";
import { mkdir, symlink, WRITE_NEW, writeFrom } from "../io/file-system.ts";
import { ExportConflictError } from "./errors.ts";

/** New files below a directory, which is made as they need it. */
export class FileTree {
  bytes = 0;
  readonly #root: string;
  readonly #made = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  async write(path: string, content: string | Buffer | AsyncIterable<Buffer>): Promise<void> {
    const place = await this.#prepare(path);
    const chunks =
      typeof content === "string" || Buffer.isBuffer(content) ? [Buffer.from(content)] : content;
    try {
      await writeFrom(place, this.#count(chunks), WRITE_NEW);
    } catch (error) {
      // The directory was made before: a name that is not taken there is the one with a colon
      const isOfName = hasErrorCode(error, "EINVAL", "ENOENT", "EILSEQ");
      if (isOfName && basename(path).includes(":")) throw lacking(path, NO_COLON, error);
      if (!hasErrorCode(error, "EEXIST")) throw error;
      // Written over, a tag would be the image of another
      const reason =
        "this file system takes it for a name that is there, of other upper and lower case";
      const hint = "Name a directory on a file system that tells them apart";
      throw new ExportConflictError(path, reason, { cause: error, hint });
    }
  }

  async link(path: string, target: string): Promise<void> {
    const place = await this.#prepare(path);
    await mkdir(join(this.#root, target), { recursive: true });
    try {
      await symlink(relative(dirname(place), join(this.#root, target)), place, "dir");
    } catch (error) {
      if (!hasErrorCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL")) throw error;
      throw lacking(path, NO_LINK, error);
    }
  }

  async *#count(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }

  async #prepare(path: string): Promise<string> {
    const place = join(this.#root, path);
    const directory = dirname(place);
    if (!this.#made.has(directory)) await mkdir(directory, { recursive: true });
    this.#made.add(directory);
    return place;
  }
}

const NO_COLON = "this file system takes no colon in a name";
const NO_LINK = "this file system has no links";

/** What FAT, exFAT and NTFS are for. */
function lacking(path: string, reason: string, cause: unknown): ExportConflictError {
  const hint =
    "Name a directory on a disk of Linux: carry the bundle on this medium, and export on the other side";
  return new ExportConflictError(path, reason, { cause, hint });
}
