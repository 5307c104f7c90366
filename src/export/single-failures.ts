import { type ErrorCode, MirrorError } from "../errors.ts";

/** Failures of one image, which say nothing about the next one. */
const SINGLE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "BUNDLE_CORRUPT",
  "CONTENT_INVALID",
  "CONTENT_MISMATCH",
  "CONTENT_MISSING",
  "REGISTRY_DENIED",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_REFUSED",
]);

export function isSingleFailure(error: unknown): error is MirrorError {
  return error instanceof MirrorError && SINGLE_FAILURES.has(error.code);
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
