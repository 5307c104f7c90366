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

export function toFailure(error: unknown, subject: string): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof MirrorError)) return { code: "UNEXPECTED", subject, message };
  const { code, hint } = error;
  return { code, subject, message, ...(hint === undefined ? {} : { hint }) };
}
