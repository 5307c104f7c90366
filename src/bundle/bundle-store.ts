import type { Readable } from "node:stream";
import type { Descriptor } from "../oci/descriptor.ts";
import { detectMediaType } from "../oci/detect-media-type.ts";
import { isDigest } from "../oci/digest.ts";
import type { Manifest, SourceRepository } from "../store/store.ts";
import { type BundledTag, readBundledTags } from "./bundle-images.ts";
import { type BundleReader, openBundle } from "./bundle-reader.ts";
import { BundleMissingError } from "./errors.ts";
import type { LayoutTable } from "./layout-table.ts";

/** A bundle as a set of stores, so that `copy` takes images out of it. */
export interface BundleStore extends AsyncDisposable {
  /** Repository paths below the target that the bundle publishes to, sorted. */
  readonly repositories: readonly string[];
  /** One of them as a store; a repository that the bundle does not have lacks everything with `CONTENT_MISSING`. */
  repository(path: string): SourceRepository;
}

/** Opens a bundle for reading, straight from its files. */
export async function openBundleStore(bundlePath: string): Promise<BundleStore> {
  const reader = await openBundle(bundlePath);
  try {
    const { tags } = await readBundledTags(reader);
    return {
      repositories: [...new Set(tags.map(({ repository }) => repository))].sort(),
      repository: (path) =>
        createRepository(
          reader,
          path,
          tags.filter(({ repository }) => repository === path),
        ),
      [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
    };
  } catch (error) {
    await reader[Symbol.asyncDispose]();
    throw error;
  }
}

function createRepository(
  reader: BundleReader,
  path: string,
  tags: readonly BundledTag[],
): SourceRepository {
  const layouts = [...new Set(tags.map(({ layout }) => layout))];
  const missing = (reason: string) => new BundleMissingError(reader.listing.directory, reason);

  /** The layout that has the content. */
  function locate({ digest }: Pick<Descriptor, "digest">): LayoutTable {
    const layout = layouts.find(({ blobs }) => blobs.has(digest));
    if (!layout) throw missing(`repository "${path}" has no content ${digest}`);
    return layout;
  }

  async function fetchManifest(reference: string): Promise<Manifest> {
    const tagged = tags.find(({ tag }) => tag === reference);
    if (!tagged && !isDigest(reference)) {
      throw missing(`repository "${path}" has no tag "${reference}"`);
    }
    const digest = tagged?.root.digest ?? reference;
    const bytes = await reader.readDocument(tagged?.layout ?? locate({ digest }), digest);
    const mediaType = tagged?.root.mediaType ?? detectMediaType(bytes, `manifest ${digest}`);
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  }

  return {
    fetchManifest,
    resolve: async (reference) => (await fetchManifest(reference)).descriptor,
    async fetch(target, { offset = 0, signal } = {}): Promise<Readable> {
      signal?.throwIfAborted();
      return reader.openBlob(locate(target), target, offset);
    },
    exists: async ({ digest, size }) =>
      layouts.some(({ blobs }) => blobs.get(digest)?.size === size),
    async *listTags() {
      if (tags.length === 0) throw missing(`it has no repository "${path}"`);
      yield* tags.map(({ tag }) => tag);
    },
  };
}
