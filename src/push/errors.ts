import { MirrorError, type MirrorErrorOptions } from "../errors.ts";

/** A tag is not published, because what it stands for did not arrive. */
export class ContentWithheldError extends MirrorError {
  override readonly code = "CONTENT_MISSING";
  readonly subject: string;

  constructor(subject: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot publish "${subject}": ${reason}`, {
      hint: "Remove the cause of the other failures, then run the same push again",
      ...options,
    });
    this.subject = subject;
  }
}
