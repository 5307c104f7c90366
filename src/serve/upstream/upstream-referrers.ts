import { MirrorError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { UpstreamTagsOptions } from "./upstream-tags.ts";

/**
 * What an upstream says refers to a manifest. It is asked each time, since a signature may have come; what it said last counts
 * while it cannot be asked, so that signatures are found as long as the images are.
 */
export async function listUpstreamReferrers(
  { access, onEvent, store }: Pick<UpstreamTagsOptions, "access" | "onEvent" | "store">,
  repository: string,
  digest: Digest,
): Promise<readonly Descriptor[]> {
  const { isOffline, namespace, resting } = access;
  const place = { namespace, repository, digest };
  const kept = isOffline || resting ? await store.referrers.read(place) : undefined;
  const tellStale = (message: string) => {
    onEvent({
      type: "stale-served",
      namespace,
      repository,
      tag: digest.replace(":", "-"),
      message,
    });
  };
  if (kept && resting) tellStale(resting);
  if (kept) return kept;
  if (isOffline) throw access.refusal(repository);
  try {
    const found = await access.ask(repository, `referrers ${digest}`, (source, asking) => {
      return source.referrers(digest, asking);
    });
    if (found === undefined) {
      // What was pulled is still here, and is as signed as it was; of what never was, there are none
      const known = await store.referrers.read(place);
      if (known) tellStale("the upstream does not have the repository any more");
      return known ?? [];
    }
    if (store.hasManifest(digest)) await store.writeReferrers(place, found);
    return found;
  } catch (error) {
    const known = error instanceof MirrorError && (await store.referrers.read(place));
    if (!known) throw error;
    tellStale(error.message);
    return known;
  }
}
