import { type ErrorCode, MirrorError } from "../errors.ts";

/** Failures of one image that say nothing about the next one; any other ends the run. */
const SINGLE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
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
