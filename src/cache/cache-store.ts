import { join } from "node:path";
import { Readable } from "node:stream";
import { hasErrorCode } from "../io/errors.ts";
import { readFrom, stat } from "../io/file-system.ts";
import { readFile } from "../io/read-file.ts";
import { type Digest, isDigest, verifyDigest } from "../oci/digest.ts";
import { ContentMissingError } from "../store/errors.ts";
import type { Manifest, ReadableStore } from "../store/store.ts";
import { nameOfContent } from "./content-names.ts";
import { type TagPlace, TagRecords } from "./tag-records.ts";

/** What a server has kept of its upstreams, for reading; a server may use it meanwhile. */
export interface CacheStore {
  /** Tags, sorted. Of an image of several platforms only those are there that somebody has pulled. */
  readonly images: readonly (TagPlace & { readonly digest: Digest })[];
  /** Content by its digest, whatever registry it came from. */
  readonly content: ReadableStore;
}

export async function openCacheStore(directory: string): Promise<CacheStore> {
  const images = await new TagRecords(join(directory, "tags")).listAll();
  return { images, content: createContent(join(directory, "content")) };
}

function createContent(directory: string): ReadableStore {
  const pathOf = (kind: "blobs" | "manifests", digest: Digest) =>
    join(directory, nameOfContent(kind, digest));
  const missing = (digest: string) =>
    new ContentMissingError(`"${digest}"`, "the cache does not have it", {
      hint: "Pull the image through the server, for the platforms that are wanted",
    });
  const sizeOf = async (digest: Digest) => {
    try {
      return (await stat(pathOf("blobs", digest))).size;
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) return undefined;
      throw error;
    }
  };
  const fetchManifest = async (reference: string): Promise<Manifest> => {
    if (!isDigest(reference)) throw missing(reference);
    try {
      // Its type is in the first line
      const file = await readFile(pathOf("manifests", reference));
      const end = file.indexOf("\n");
      const bytes = file.subarray(end + 1);
      verifyDigest(bytes, reference);
      const mediaType = file.subarray(0, end).toString();
      return { descriptor: { mediaType, digest: reference, size: bytes.length }, bytes };
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) throw missing(reference);
      throw error;
    }
  };
  const isManifest = async (digest: Digest) => {
    try {
      await fetchManifest(digest);
      return true;
    } catch (error) {
      if (error instanceof ContentMissingError) return false;
      throw error;
    }
  };
  return {
    fetchManifest,
    resolve: async (reference) => (await fetchManifest(reference)).descriptor,
    async fetch({ digest }, { offset = 0 } = {}) {
      if ((await sizeOf(digest)) !== undefined) {
        return Readable.from(readFrom(pathOf("blobs", digest), offset), { objectMode: false });
      }
      const { bytes } = await fetchManifest(digest);
      return Readable.from([bytes.subarray(offset)], { objectMode: false });
    },
    exists: async ({ digest, size }) =>
      (await sizeOf(digest)) === size || (await isManifest(digest)),
    async stat(digest) {
      const size = await sizeOf(digest);
      return size === undefined ? undefined : { size };
    },
  };
}
