import type { ErrorCode } from "../errors.ts";
import type { Notice } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import type { AcceptedSignature } from "../trust/check-signatures.ts";

export const VERIFY_MEDIA_TYPE = "application/vnd.airgap-mirror.verify.v1+json";

/** What `verify` found; `complete` is the answer. */
export interface VerifyReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof VERIFY_MEDIA_TYPE;
  readonly bundlePath: string;
  readonly complete: boolean;
  readonly files: readonly VerifiedFile[];
  readonly problems: readonly Problem[];
  /** What the images are signed with, where that was demanded. */
  readonly signatures?: readonly AcceptedSignature[];
  /** What could not be checked because the bundle does not say it. */
  readonly notices: readonly Notice[];
  readonly totals: {
    readonly files: number;
    readonly bytes: number;
    readonly images: number;
    readonly blobs: number;
  };
}

export interface VerifiedFile {
  readonly name: string;
  readonly size: number;
  readonly status: "ok" | "missing" | "truncated" | "surplus" | "corrupt";
}

/** One thing that is wrong, as precisely as it can be told. */
export interface Problem {
  readonly code: ErrorCode;
  readonly file: string;
  /** Byte position in the file. */
  readonly offset?: number;
  /** Entry of the tar that is hit, for example `modules/foo/blobs/sha256/…`. */
  readonly entry?: string;
  readonly digest?: Digest;
  /** Images (`repository:tag`) that need the entry. */
  readonly images?: readonly string[];
  readonly message: string;
  readonly hint?: string;
}
