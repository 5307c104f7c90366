import type { BundledGraph } from "../bundle/images/bundle-graph.ts";
import type { Digest } from "../oci/digest.ts";
import type { Follower } from "./followers/followers.ts";
import type { PushImage } from "./plan-push.ts";

/** One image on its way. */
export interface Work {
  readonly image: PushImage;
  /** What tags were before; those that were not there are left out. */
  readonly found: ReadonlyMap<string, Digest>;
  /** A tag is right, or the target lists it for its subject: it says that all below the root is there. */
  readonly isClaimed: boolean;
  /** Something below the root had to be brought. */
  readonly isChanged: boolean;
}

/** As long as its blobs are not there: which they are is not kept beyond. */
export interface LookedWork extends Work {
  readonly graph: BundledGraph;
}

export type FollowerWork = Work & { readonly image: Follower };

export function isWhollyTagged({ image, found }: Work): boolean {
  return image.tags.length > 0 && image.tags.every((tag) => found.get(tag) === image.root.digest);
}
