import type { ImageKind } from "../../contents/contents.ts";
import type { Failure } from "../../failure.ts";
import type { Notice } from "../../notice.ts";
import type { Digest } from "../../oci/digest.ts";
import type { AcceptedSignature } from "../../trust/check-signatures.ts";
import type { LeftOutReferrer } from "../followers/choose-followers.ts";
import type { UploadTotals } from "../uploads/upload-tally.ts";

export const RECEIPT_MEDIA_TYPE = "application/vnd.airgap-mirror.receipt.v1+json";

/** What a push did, and what was read back from the target afterwards. No secrets, no host names but the target's. */
export interface Receipt {
  readonly schemaVersion: 1;
  readonly mediaType: typeof RECEIPT_MEDIA_TYPE;
  /** sha256 of the bundle's `bundle.json`; missing for bundles of other programs. */
  readonly bundle?: Digest;
  /** `registry/repository` that was pushed to. */
  readonly target: string;
  /** True when every planned tag was read back with its planned digest and nothing failed. */
  readonly complete: boolean;
  /** One for each planned tag, and one for each manifest that clients find by its subject. */
  readonly images: readonly ReceiptImage[];
  /** What belongs to images, is in the bundle and was not pushed, because that was asked for; missing if it is nothing. */
  readonly leftOut?: readonly LeftOutReferrer[];
  /** What the images were signed with, where that was demanded. */
  readonly signatures?: readonly AcceptedSignature[];
  readonly totals: ReceiptTotals;
  readonly failures: readonly Failure[];
  /** What the user was told while it ran. */
  readonly notices: readonly Notice[];
}

/** One planned tag, or a manifest without one. */
export interface ReceiptImage {
  readonly repository: string;
  /** Missing where clients find it by its subject. */
  readonly tag?: string;
  /**
   * What it is and all its bytes, of charts, files and what belongs to another manifest of the repository, and what that
   * belongs to.
   */
  readonly kind?: ImageKind;
  readonly subject?: Digest;
  readonly bytes?: number;
  /** Digest in the bundle. */
  readonly planned: Digest;
  /** Digest that the target answered with, to the tag or in the list of its subject; missing if it could not be read. */
  readonly found?: Digest;
  /** Where a runtime knows an image by its config, and `planned` is the digest of that: the digest of the manifest or index. */
  readonly manifest?: Digest;
  readonly outcome: "pushed" | "already-there" | "failed";
}

export interface ReceiptTotals extends UploadTotals {
  readonly images: number;
  readonly tags: number;
}
