import { Readable } from "node:stream";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { OpenContent } from "../store/store.ts";

/** What was met while resolving: manifests, and the layers that had to be read. Never trusted without its digest. */
export interface ContentCache {
  /** The bytes, if they are there and have the digest. */
  read(digest: Digest): Promise<Buffer | undefined>;
  /** Keeps the bytes, or does not: that no more is needed than there was before is no failure. */
  write(digest: Digest, bytes: Buffer): Promise<void>;
  /** Streams the content through the cache; `CONTENT_MISMATCH` at its end if it is not what it should be. */
  through(target: Descriptor, fetch: OpenContent): Promise<Readable>;
  /** Position from which content is kept to its end, when the rest has been taken; not verified. */
  keptFrom(target: CachedContent): Promise<number | undefined>;
  /** Opens content for its place in a bundle, in this run or an earlier one; not verified. */
  take(target: CachedContent, options?: TakeOptions): Promise<Readable | undefined>;
  /** The first bytes of content of which no more is kept; they are what was kept. */
  begun(target: CachedContent): Promise<BegunContent | undefined>;
  /** The content is in its place: what is kept for it alone may go. */
  release(digest: Digest): Promise<void>;
  /** What is kept is wrong. */
  remove(digest: Digest): Promise<void>;
}

export type CachedContent = Pick<Descriptor, "digest" | "size">;

export interface TakeOptions {
  /** Position of the first byte wanted. */
  readonly offset?: number;
  /** Bytes from the first that are in their place by now. */
  readonly placed?: () => number;
}

export interface BegunContent {
  readonly bytes: number;
  open(): Readable;
}

/** In the memory of this run: manifests only, content is passed on. */
export function createMemoryCache(): ContentCache {
  const blobs = new Map<Digest, Buffer>();
  return {
    read: async (digest) => blobs.get(digest),
    write: async (digest, bytes) => void blobs.set(digest, bytes),
    through: async (_target, fetch) => fetch(0),
    keptFrom: async ({ digest }) => (blobs.has(digest) ? 0 : undefined),
    async take({ digest }, { offset = 0 } = {}) {
      const bytes = blobs.get(digest);
      return bytes && Readable.from([bytes.subarray(offset)]);
    },
    begun: async () => undefined,
    release: async () => {},
    remove: async (digest) => void blobs.delete(digest),
  };
}
