import { join } from "node:path";
import { Readable } from "node:stream";
import { hasErrorCode } from "../../io/errors.ts";
import { readFrom, stat } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, isDigest, verifyDigest } from "../../oci/digest.ts";
import { referrerOf } from "../../oci/referrer.ts";
import { ContentMissingError } from "../../store/errors.ts";
import type { Manifest, ReadableStore, SourceRepository } from "../../store/store.ts";
import { listContent, nameOfContent } from "./content-names.ts";
import { type TagPlace, TagRecords } from "./tag-records.ts";

/** What a server has kept of its upstreams, for reading; a server may use it meanwhile. */
export interface CacheStore {
  /** Tags, sorted. Of an image of several platforms only those are there that somebody has pulled. */
  readonly images: readonly (TagPlace & { readonly digest: Digest })[];
  /** Content by its digest, whatever registry it came from; tags and referrers as far as somebody has asked for them. */
  repository(place: Omit<TagPlace, "tag">): SourceRepository;
}

export async function openCacheStore(directory: string): Promise<CacheStore> {
  const images = await new TagRecords(join(directory, "tags")).listAll();
  const content = createContent(join(directory, "content"));
  const digests = new Map<string, Map<string, Digest>>();
  for (const { namespace, repository, tag, digest } of images) {
    const key = `${namespace}/${repository}`;
    digests.set(key, (digests.get(key) ?? new Map()).set(tag, digest));
  }
  let lists: ReturnType<typeof listReferrers> | undefined;
  return {
    images,
    repository({ namespace, repository }) {
      // Of what nobody has asked for, the cache has no tags
      const own = digests.get(`${namespace}/${repository}`) ?? new Map<string, Digest>();
      return {
        ...content,
        fetchManifest: (reference) => content.fetchManifest(own.get(reference) ?? reference),
        resolve: (reference) => content.resolve(own.get(reference) ?? reference),
        async *listTags() {
          yield* own.keys();
        },
        async referrers(digest) {
          lists ??= listReferrers(join(directory, "content"), content);
          // Nobody has pulled any
          return (await lists).get(digest) ?? [];
        },
      };
    },
  };
}

/** Lists of registries are not kept, manifests are: what they say of themselves is the list. By their subject. */
async function listReferrers(
  directory: string,
  content: ReadableStore,
): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
  const lists = new Map<Digest, Descriptor[]>();
  for (const digest of await listContent(directory, "manifests")) {
    const { bytes, descriptor } = await content.fetchManifest(digest);
    const referrer = referrerOf(descriptor, bytes);
    if (referrer === undefined) continue;
    const { subject } = referrer;
    lists.set(subject, [...(lists.get(subject) ?? []), referrer.descriptor]);
  }
  return lists;
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
