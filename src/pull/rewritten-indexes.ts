import { Readable } from "node:stream";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { SourceRepository } from "../store/store.ts";
import type { PinnedPlan } from "./pull-state.ts";

/** Opens what blobs are fetched from. */
export type OpenBlobSource = (reference: RepositoryReference) => Pick<SourceRepository, "fetch">;

/** Sources that also have the indexes of the plan that are in no registry, because parts of them were left out. */
export function withRewrittenIndexes(
  openSource: (reference: RepositoryReference) => SourceRepository,
  { contents }: PinnedPlan,
): OpenBlobSource {
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  const rewritten = new Map<Digest, string>(
    images.flatMap((image) =>
      (image.rewritten ?? []).map(({ digest, text }) => [digest, text] as const),
    ),
  );
  return (reference) => {
    const source = openSource(reference);
    return {
      fetch: async (target, options = {}) => {
        const text = rewritten.get(target.digest);
        if (text === undefined) return source.fetch(target, options);
        return Readable.from([Buffer.from(text).subarray(options.offset ?? 0)]);
      },
    };
  };
}
