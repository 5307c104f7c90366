import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { createVerifyStream } from "../io/verify-stream.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { createDigestHash, type Digest, parseDigest } from "../oci/digest.ts";
import { ContentMismatchError } from "../oci/errors.ts";

/** What was met while resolving: manifests, and the layers that had to be read. Never trusted without its digest. */
export interface ContentCache {
  /** The bytes, if they are there and have the digest. */
  read(digest: Digest): Promise<Buffer | undefined>;
  write(digest: Digest, bytes: Buffer): Promise<void>;
  /** Streams the content through the cache, if it is the kind that is kept; it is verified on the way. */
  through(target: Descriptor, fetched: () => Promise<Readable>): Promise<Readable>;
  /** Whether content of this size is there; not verified. */
  has(target: CachedContent): Promise<boolean>;
  /** Opens content of any size; not verified. */
  open(target: CachedContent): Promise<Readable | undefined>;
  remove(digest: Digest): Promise<void>;
}

type CachedContent = Pick<Descriptor, "digest" | "size">;

/** For planning only: manifests stay in memory, layers are not kept. */
export function createMemoryCache(): ContentCache {
  const blobs = new Map<Digest, Buffer>();
  return {
    read: async (digest) => blobs.get(digest),
    write: async (digest, bytes) => void blobs.set(digest, bytes),
    through: async (_target, fetched) => fetched(),
    has: async ({ digest }) => blobs.has(digest),
    open: async ({ digest }) => {
      const bytes = blobs.get(digest);
      return bytes && Readable.from([bytes]);
    },
    remove: async (digest) => void blobs.delete(digest),
  };
}

/** `<directory>/sha256/<hex>`; files appear under their name only when they are complete. */
export function createDirectoryCache(directory: string): ContentCache {
  const pathOf = (digest: Digest) => {
    const { algorithm, encoded } = parseDigest(digest);
    return join(directory, algorithm, encoded);
  };
  const cache: ContentCache = {
    async read(digest) {
      const bytes = await readFile(pathOf(digest)).catch(absent);
      const hex = bytes && createDigestHash(digest).update(bytes).digest("hex");
      return digest.endsWith(`:${hex}`) ? bytes : undefined;
    },
    async write(digest, bytes) {
      await replaceFile(pathOf(digest), [bytes]);
    },
    async through(target, fetched) {
      const kept = await openVerified(cache, target);
      if (kept) return kept;
      const body = await fetched();
      await replaceFile(pathOf(target.digest), body.pipe(verifying(target, body)));
      return (await cache.open(target)) ?? fetched();
    },
    async has({ digest, size }) {
      return (await stat(pathOf(digest)).catch(absent))?.size === size;
    },
    async open(target) {
      return (await cache.has(target)) ? createReadStream(pathOf(target.digest)) : undefined;
    },
    async remove(digest) {
      await rm(pathOf(digest), { force: true });
    },
  };
  return cache;
}

/** Opens what is kept if it is right: after a power cut, a file may have its size and not its bytes. */
async function openVerified(
  cache: ContentCache,
  target: Descriptor,
): Promise<Readable | undefined> {
  const body = await cache.open(target);
  if (!body) return undefined;
  try {
    await pipeline(body, createVerifyStream(target).resume());
    return await cache.open(target);
  } catch (error) {
    if (!(error instanceof ContentMismatchError)) throw error;
    await cache.remove(target.digest);
    return undefined;
  }
}

function verifying(target: Descriptor, body: Readable) {
  const verify = createVerifyStream(target);
  body.once("error", (error) => verify.destroy(error));
  return verify;
}

async function replaceFile(path: string, content: Iterable<Buffer> | Readable): Promise<void> {
  // Two tags may stand for the same manifest, and both be on their way
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await pipeline(content, createWriteStream(temporary));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw storageError(error, path);
  }
}

function absent(error: unknown): undefined {
  if (hasErrorCode(error, "ENOENT")) return undefined;
  throw error;
}
