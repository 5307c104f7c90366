import type { BundledGraph } from "../bundle/images/bundle-graph.ts";
import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import type { Digest } from "../oci/digest.ts";
import type { Batch } from "../run/batch.ts";
import type { TargetRepository } from "../store/store.ts";
import type { Follower } from "./followers/followers.ts";
import type { ImageSteps } from "./image-steps.ts";
import type { PushImage } from "./plan-push.ts";
import type { PushOptions } from "./push-options.ts";
import type { ReceiptBook } from "./receipt/receipt-book.ts";
import type { ManifestUploads } from "./uploads/manifest-uploads.ts";

/** What all steps of a push work with. */
export interface PushMeans {
  readonly options: PushOptions;
  readonly bundle: BundleReader;
  readonly batch: Batch;
  readonly book: ReceiptBook;
  readonly steps: ImageSteps;
  readonly manifests: ManifestUploads;
  readonly openTarget: (reference: PushImage["target"]) => TargetRepository;
}

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
