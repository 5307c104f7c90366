import { type ErrorCode, MirrorError } from "./errors.ts";

/** One thing that went wrong in a run that went on: an image, a blob, a file. */
export interface Failure {
  readonly code: ErrorCode | "UNEXPECTED";
  readonly subject: string;
  readonly message: string;
  readonly hint?: string;
  /** Images that need what `subject` names, as they are called at the source; missing if it is an image itself. */
  readonly images?: readonly string[];
}

/** Failures of one image that say nothing about the next one. */
export const IMAGE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CONTENT_INVALID",
  "CONTENT_MISMATCH",
  "CONTENT_MISSING",
  "REGISTRY_DENIED",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_REFUSED",
]);

export function isImageFailure(error: unknown): error is MirrorError {
  return error instanceof MirrorError && IMAGE_FAILURES.has(error.code);
}

export function toFailure(error: unknown, subject: string): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof MirrorError)) return { code: "UNEXPECTED", subject, message };
  const { code, hint } = error;
  return { code, subject, message, ...(hint === undefined ? {} : { hint }) };
}
