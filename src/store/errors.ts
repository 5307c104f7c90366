import { MirrorError, type MirrorErrorOptions } from "../errors.ts";

/** Part of an image is not where the image is. */
export class ContentMissingError extends MirrorError {
  override readonly code = "CONTENT_MISSING";
  /** The image as its user knows it. */
  readonly subject: string;

  constructor(subject: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot copy ${subject}: ${reason}`, options);
    this.subject = subject;
  }
}

/** Whether a source says that it does not have what was asked for. */
export function isMissing(error: unknown): error is MirrorError {
  return (
    error instanceof MirrorError &&
    (error.code === "CONTENT_MISSING" || error.code === "REGISTRY_NOT_FOUND")
  );
}
