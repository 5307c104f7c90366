import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import type { Batch } from "../run/batch.ts";
import type { TargetRepository } from "../store/store.ts";
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
