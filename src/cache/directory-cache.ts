import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { pipeline as connect, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { mkdir, readdir, readFrom, rename, rm, stat, writeFrom } from "../io/file-system.ts";
import { readFile } from "../io/read-file.ts";
import { createVerifyStream } from "../io/verify-stream.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { createDigestHash, type Digest, parseDigest } from "../oci/digest.ts";
import { ContentMismatchError } from "../oci/errors.ts";
import type { OpenContent } from "../store/store.ts";
import type { CachedContent, ContentCache, TakeOptions } from "./content-cache.ts";
import { KnownNames } from "./known-names.ts";

/**
 * Larger content is kept in pieces, and a piece is deleted when its bytes are in their place: while a layer is moved
 * into the bundle, the disk holds little of it twice, and after a kill the rest is still there.
 */
const PIECE_BYTES = 1024 * 1024;

export interface DirectoryCacheOptions {
  /** Whether so many bytes may be written: without room for them nothing is kept. */
  readonly hasRoom?: (bytes: number) => Promise<boolean>;
}

/**
 * `<directory>/sha256/<hex>`, a file, or a directory of pieces in order. Both appear under their name only when they are
 * complete.
 */
export function createDirectoryCache(
  directory: string,
  { hasRoom = async () => true }: DirectoryCacheOptions = {},
): ContentCache {
  const pathOf = (digest: Digest) => {
    const { algorithm, encoded } = parseDigest(digest);
    return join(directory, algorithm, encoded);
  };
  /** Who holds the lock of the bundle is the only one who puts anything there. */
  const names = new KnownNames();
  const filesOf = async (digest: Digest) => {
    const path = pathOf(digest);
    return (await names.mayHave(path)) ? await listFiles(path) : [];
  };
  const replace = async (digest: Digest, ...how: [WriteTo, ReplaceOptions?]) => {
    const path = pathOf(digest);
    names.add(path);
    await replaceAt(path, ...how);
  };
  /** Content that is being fetched or verified: several images may need it at once. */
  const coming = new Map<Digest, Promise<void>>();
  const has = async (target: CachedContent) => (await cache.keptFrom(target)) === 0;
  const open = async (target: CachedContent) => {
    const files = await filesOf(target.digest);
    return (await has(target)) ? Readable.from(readFiles(files, 0)) : undefined;
  };
  /** Whether what is kept is right: after a power cut, a file may have its size and not its bytes. */
  const isIntact = async (target: Descriptor): Promise<boolean> => {
    const body = await open(target);
    if (!body) return false;
    try {
      await pipeline(body, createVerifyStream(target).resume());
      return true;
    } catch (error) {
      if (!(error instanceof ContentMismatchError)) throw error;
      await cache.remove(target.digest);
      return false;
    }
  };
  const keep = async (target: Descriptor, fetch: OpenContent): Promise<void> => {
    if ((await isIntact(target)) || !(await hasRoom(target.size))) return;
    const content = verifying(target, await fetch(0));
    const write = target.size > PIECE_BYTES ? writePieces : writeFrom;
    await replace(target.digest, (path) => write(path, content), { isThere: () => has(target) });
  };
  const cache: ContentCache = {
    async read(digest) {
      const path = pathOf(digest);
      const bytes = (await names.mayHave(path)) ? await readFile(path).catch(absent) : undefined;
      const hex = bytes && createDigestHash(digest).update(bytes).digest("hex");
      return digest.endsWith(`:${hex}`) ? bytes : undefined;
    },
    async write(digest, bytes) {
      if (!(await hasRoom(bytes.length))) return;
      await replace(digest, (path) => writeFrom(path, [bytes]));
    },
    async through(target, fetch) {
      const keeping = coming.get(target.digest) ?? keep(target, fetch);
      coming.set(target.digest, keeping);
      try {
        await keeping;
      } finally {
        coming.delete(target.digest);
      }
      return (await open(target)) ?? fetch(0);
    },
    async keptFrom({ digest, size }) {
      const files = await filesOf(digest);
      const last = files.at(-1);
      return last && last.start + last.size === size ? files[0]?.start : undefined;
    },
    async take(target, { offset = 0, placed = () => offset } = {}) {
      const files = await filesOf(target.digest);
      const start = await cache.keptFrom(target);
      if (start === undefined || start > offset) return undefined;
      return Readable.from(takeFiles(files, { offset, placed }));
    },
    begun: async () => undefined,
    release: (digest) => cache.remove(digest),
    async remove(digest) {
      const path = pathOf(digest);
      if (await names.mayHave(path)) await rm(path, { recursive: true, force: true });
    },
  };
  return cache;
}

/** Whoever reads the result gets the errors of both; when reading ends early, the body ends too. */
function verifying(target: Descriptor, body: Readable): Readable {
  return connect(body, createVerifyStream(target), () => {});
}

interface KeptFile {
  readonly path: string;
  /** Position of its first byte in the content. */
  readonly start: number;
  readonly size: number;
}

/** The file, or the pieces that are left, in their order; nothing if one is missing in between. */
async function listFiles(path: string): Promise<KeptFile[]> {
  const found = await stat(path).catch(absent);
  if (!found?.isDirectory()) return found ? [{ path, start: 0, size: found.size }] : [];
  const names = (await readdir(path)).sort();
  const first = Number(names[0]);
  if (!names.every((name, position) => name === pieceName(first + position))) return [];
  const pieces = names.map(async (name) => {
    const piece = join(path, name);
    return { path: piece, start: Number(name) * PIECE_BYTES, size: (await stat(piece)).size };
  });
  return await Promise.all(pieces);
}

function pieceName(position: number): string {
  return String(position).padStart(8, "0");
}

async function* readFiles(files: readonly KeptFile[], offset: number): AsyncGenerator<Buffer> {
  for (const { path, start, size } of files) {
    if (start + size > offset) {
      yield* readFrom(path, Math.max(offset - start, 0));
    }
  }
}

async function* takeFiles(
  files: readonly KeptFile[],
  { offset, placed }: Required<TakeOptions>,
): AsyncGenerator<Buffer> {
  const left = [...files];
  for (const file of files) {
    yield* readFiles([file], offset);
    // One after the other, so that a kill leaves no gap; the last one goes with all the rest
    for (
      let [first] = left;
      first && first.start <= file.start && isPlaced(first, placed());
      [first] = left
    ) {
      await rm(first.path, { force: true });
      left.shift();
    }
  }
}

/** Single files stay: they are documents, which later runs want to read. */
function isPlaced({ path, start, size }: KeptFile, placed: number): boolean {
  return start + size <= placed && basename(path) === pieceName(start / PIECE_BYTES);
}

async function writePieces(path: string, content: Readable): Promise<void> {
  await mkdir(path);
  let position = 0;
  for await (const piece of splitIntoPieces(content)) {
    await writeFrom(join(path, pieceName(position++)), piece);
  }
}

async function* splitIntoPieces(content: Readable): AsyncGenerator<Buffer[]> {
  let piece: Buffer[] = [];
  let left = PIECE_BYTES;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    let rest = chunk;
    while (rest.length >= left) {
      yield [...piece, rest.subarray(0, left)];
      rest = rest.subarray(left);
      piece = [];
      left = PIECE_BYTES;
    }
    piece.push(rest);
    left -= rest.length;
  }
  if (left < PIECE_BYTES) yield piece;
}

type WriteTo = (path: string) => Promise<void>;

interface ReplaceOptions {
  readonly isThere?: () => Promise<boolean>;
}

/** Two tags may stand for the same content, and both be on their way: pieces that are complete stay. */
async function replaceAt(
  path: string,
  write: WriteTo,
  { isThere = async () => false }: ReplaceOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await write(temporary);
    await rename(temporary, path).catch(async (error: unknown) => {
      if (!hasErrorCode(error, "ENOTEMPTY", "EEXIST", "EPERM", "ENOTDIR", "EISDIR")) throw error;
      const obsolete = (await isThere()) ? temporary : path;
      await rm(obsolete, { recursive: true, force: true });
      if (obsolete === path) await rename(temporary, path);
    });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw storageError(error, path);
  }
}

function absent(error: unknown): undefined {
  if (hasErrorCode(error, "ENOENT")) return undefined;
  throw error;
}
