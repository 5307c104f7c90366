import type { Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { APPEND, mkdir, readdir, readFrom, rename, rm } from "../../io/file-system.ts";
import { openFile } from "../../io/open-file.ts";
import { createDigestHash, type Digest, parseDigest } from "../../oci/digest.ts";
import type { CachedContent } from "../content-cache.ts";
import type { CacheRoom } from "./cache-room.ts";

/** Hex digits of the hash of the bytes so far, in the name of a file that is not complete. */
const CHECK_LENGTH = 16;

interface FoundPart {
  readonly path: string;
  readonly bytes: number;
  /** Has seen the bytes. */
  readonly hash: Hash;
}

/** Where content of which not all has come waits for the rest: `<hex>.<bytes>-<check>.part`. */
function directoryOf({ directory }: CacheRoom): string {
  return join(directory, "parts");
}

/** The first bytes of content, if they are what was written. */
export async function findPart(
  room: CacheRoom,
  { digest, size }: CachedContent,
): Promise<FoundPart | undefined> {
  const { encoded } = parseDigest(digest);
  const directory = directoryOf(room);
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(`${encoded}.`) || !name.endsWith(".part")) continue;
    const path = join(directory, name);
    const hash = createDigestHash(digest);
    let bytes = 0;
    try {
      for await (const chunk of readFrom(path, 0)) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    } catch {
      continue;
    }
    if (name === partName(encoded, bytes, hash) && bytes < size) return { path, bytes, hash };
    await rm(path, { force: true });
  }
  return undefined;
}

/** Whether anything is there that is not complete. */
export async function holdsParts(room: CacheRoom): Promise<boolean> {
  return (await readdir(directoryOf(room)).catch(() => [])).length > 0;
}

export async function removeParts(room: CacheRoom, digest: Digest): Promise<void> {
  const { encoded } = parseDigest(digest);
  const names = await readdir(directoryOf(room)).catch(() => []);
  for (const name of names.filter((other) => other.startsWith(`${encoded}.`))) {
    await rm(join(directoryOf(room), name), { force: true });
  }
}

function partName(encoded: string, bytes: number, hash: Hash): string {
  return `${encoded}.${bytes}-${hash.copy().digest("hex").slice(0, CHECK_LENGTH)}.part`;
}

/** Content on its way into a cache. A disk that fails ends the keeping, not the reading. */
export class PartFile {
  readonly #room: CacheRoom;
  readonly #target: CachedContent;
  readonly #finalPath: string;
  readonly path: string;
  readonly #hash: Hash;
  readonly #file: FileHandle;
  #isWhole = true;
  bytes: number;

  private constructor(room: CacheRoom, target: CachedContent, opened: OpenedPart) {
    this.#room = room;
    this.#target = target;
    this.#finalPath = opened.finalPath;
    this.path = opened.path;
    this.#hash = opened.hash;
    this.#file = opened.file;
    this.bytes = opened.bytes;
  }

  /** Goes on behind what is there; of several that want to, one does. Undefined where nothing can be written. */
  static async open(
    room: CacheRoom,
    target: CachedContent,
    finalPath: string,
  ): Promise<PartFile | undefined> {
    const path = room.temporaryPath(parseDigest(target.digest).encoded);
    try {
      const found = await findPart(room, target);
      const isMine = found !== undefined && (await rename(found.path, path).then(yes, no));
      const file = await openFile(path, APPEND, 0o600);
      const { bytes, hash } = isMine ? found : { bytes: 0, hash: createDigestHash(target.digest) };
      return new PartFile(room, target, { path, finalPath, bytes, hash, file });
    } catch {
      return undefined;
    }
  }

  async append(chunk: Buffer): Promise<void> {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    if (!this.#isWhole) return;
    this.#isWhole = await this.#file.appendFile(chunk).then(yes, no);
  }

  /** Lower-case hex of the bytes so far. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Gives the file the name that it has earned, or removes it. */
  async close(): Promise<void> {
    const { encoded } = parseDigest(this.#target.digest);
    try {
      await this.#file.close();
      if (!this.#isWhole || this.bytes === 0 || this.bytes > this.#target.size) {
        await rm(this.path, { force: true });
      } else if (this.bytes < this.#target.size) {
        await mkdir(directoryOf(this.#room), { recursive: true });
        const name = partName(encoded, this.bytes, this.#hash);
        await rename(this.path, join(directoryOf(this.#room), name));
      } else if (this.digest() === encoded) await rename(this.path, this.#finalPath);
      else await rm(this.path, { force: true });
    } catch {
      await rm(this.path, { force: true }).catch(() => {});
    }
  }
}

interface OpenedPart extends FoundPart {
  readonly finalPath: string;
  readonly file: FileHandle;
}

function yes(): boolean {
  return true;
}

function no(): boolean {
  return false;
}
