import { MirrorError, type MirrorErrorOptions } from "../errors.ts";

/** A reference, repository name, tag, digest or platform does not follow its grammar. */
export class ReferenceInvalidError extends MirrorError {
  override readonly code = "REFERENCE_INVALID";
  readonly reference: string;

  constructor(reference: string, reason: string, options?: MirrorErrorOptions) {
    const shown = withoutUserInfo(reference);
    super(`Cannot parse reference "${printable(shown)}": ${printable(reason)}`, options);
    this.reference = shown;
  }
}

/** A manifest, index or other document is not what its media type promises. */
export class ContentInvalidError extends MirrorError {
  override readonly code = "CONTENT_INVALID";
  readonly subject: string;
  /** What is wrong, for messages that name the subject themselves. */
  readonly reason: string;

  constructor(subject: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot use ${printable(subject)}: ${printable(reason)}`, options);
    this.subject = subject;
    this.reason = reason;
  }
}

/** Bytes do not have the size or digest that their descriptor claims. */
export class ContentMismatchError extends MirrorError {
  override readonly code = "CONTENT_MISMATCH";
  readonly digest: string;

  constructor(digest: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot accept content ${digest}: ${reason}`, options);
    this.digest = digest;
  }
}

/**
 * `https://user:password@host/path` → `https://host/path`, also without scheme or path; other text is returned as it is,
 * among it what has a digest or a version behind the `@`.
 */
export function withoutUserInfo(text: string): string {
  return text
    .replace(/^(\s*(?:[a-z]+:\/\/)?)[^@]*:.*@(?=[^/@]+\/)/i, "$1")
    .replace(/^(\s*(?:[a-z]+:\/\/)?)[^@/]*:[^/]*@(?=[\w.-]+(?::\d{1,5})?\s*$)/i, "$1");
}

/** Server and user text as it may be shown on a terminal: characters that control it or the reading direction become spaces. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, " ");
}
