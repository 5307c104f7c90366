import { isMirrorError, type MirrorError } from "../errors.ts";
import { isImageFailure } from "../failure.ts";

/** Failures of one image, which say nothing about the next one. */
export function isSingleFailure(error: unknown): error is MirrorError {
  const isDamage = isMirrorError(error, "BUNDLE_CORRUPT");
  return isDamage || isImageFailure(error);
}

/** Content that cannot be read, told apart from what is wrong where it is written to. */
export class UnreadableContent extends Error {
  readonly digest: string;
  override readonly cause: MirrorError;

  constructor(digest: string, cause: MirrorError) {
    super(cause.message);
    this.digest = digest;
    this.cause = cause;
  }
}
