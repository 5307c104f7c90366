import { Readable } from "node:stream";
import type { ImageContents } from "../contents/contents.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { SourceRepository } from "../store/store.ts";
import { keepPlatforms } from "./image-graph.ts";
import type { PinnedPlan } from "./pull-state.ts";

/** Opens what blobs are fetched from. */
export type OpenBlobSource = (reference: RepositoryReference) => Pick<SourceRepository, "fetch">;

/**
 * Sources that also have the indexes that `platforms` has rewritten, which are in no registry. They wait in the cache;
 * when that has lost one, it is made again from the index that the plan was made of.
 */
export function withRewrittenRoots(
  openSource: (reference: RepositoryReference) => SourceRepository,
  { contents, selection: { platforms } }: PinnedPlan,
): OpenBlobSource {
  const rewritten = new Map<Digest, ImageContents>();
  for (const image of contents.flatMap(({ layouts }) => layouts.flatMap(({ images }) => images))) {
    if (image.sourceDigest !== undefined) rewritten.set(image.root.digest, image);
  }
  return (reference) => {
    const source = openSource(reference);
    return {
      async fetch(target, options = {}) {
        const { sourceDigest, source: name } = rewritten.get(target.digest) ?? {};
        if (sourceDigest === undefined || name === undefined) return source.fetch(target, options);
        const root = await source.fetchManifest(sourceDigest, options);
        const { manifest } = keepPlatforms({ root, platforms, reference: name });
        return Readable.from([manifest.bytes.subarray(options.offset ?? 0)]);
      },
    };
  };
}
