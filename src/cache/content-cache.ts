import { Readable } from "node:stream";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";

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
  /** Position from which content is kept to its end, when the rest has been taken; not verified. */
  keptFrom(target: CachedContent): Promise<number | undefined>;
  /** Opens content that is moved to its place, in this run or an earlier one: what is there may be gone. */
  take(target: CachedContent, options?: TakeOptions): Promise<Readable | undefined>;
  remove(digest: Digest): Promise<void>;
}

type CachedContent = Pick<Descriptor, "digest" | "size">;

export interface TakeOptions {
  /** Position of the first byte wanted. */
  readonly offset?: number;
  /** Bytes from the first that are in their place by now. */
  readonly placed?: () => number;
}

/** For planning only: manifests stay in memory, layers are not kept. */
export function createMemoryCache(): ContentCache {
  const blobs = new Map<Digest, Buffer>();
  const open: ContentCache["open"] = async ({ digest }) => {
    const bytes = blobs.get(digest);
    return bytes && Readable.from([bytes]);
  };
  return {
    read: async (digest) => blobs.get(digest),
    write: async (digest, bytes) => void blobs.set(digest, bytes),
    through: async (_target, fetched) => fetched(),
    has: async ({ digest }) => blobs.has(digest),
    keptFrom: async ({ digest }) => (blobs.has(digest) ? 0 : undefined),
    open,
    take: open,
    remove: async (digest) => void blobs.delete(digest),
  };
}
