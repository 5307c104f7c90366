import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";

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

/** The target said that it took a blob, and does not have it. */
export class ContentNotKeptError extends MirrorError {
  override readonly code = "CONTENT_MISSING";
  readonly subject: string;

  constructor(subject: string, options?: MirrorErrorOptions) {
    super(`Cannot push "${subject}": the target takes it and does not have it afterwards`, {
      hint: "Check that the target knows this kind of digest, and look into its log",
      ...options,
    });
    this.subject = subject;
  }
}

/** The target said that it took a manifest, and does not list it for what it belongs to. */
export class ReferrerUnlistedError extends MirrorError {
  override readonly code = "CONTENT_MISSING";
  readonly subject: string;

  constructor(subject: string, referred: Digest, options?: MirrorErrorOptions) {
    super(`Cannot confirm "${subject}": the target takes it and does not list it for ${referred}`, {
      hint: "Check who else writes to the target and what caches its answers, then run the same command again",
      ...options,
    });
    this.subject = subject;
  }
}

/** A tag was written, and the target answers something else for it. */
export class TagUnconfirmedError extends MirrorError {
  override readonly code = "CONTENT_MISMATCH";
  readonly subject: string;
  readonly found: Digest | undefined;

  constructor(
    subject: string,
    { planned, found }: { readonly planned: Digest; readonly found: Digest | undefined },
    options?: MirrorErrorOptions,
  ) {
    super(
      `Cannot confirm "${subject}": the target has ${found ?? "nothing"} there instead of ${planned}`,
      {
        hint: isOtherAlgorithm(planned, found)
          ? OTHER_ALGORITHM
          : "Check who else writes to the target and what caches its answers, then run the same command again",
        ...options,
      },
    );
    this.subject = subject;
    this.found = found;
  }
}

const OTHER_ALGORITHM =
  "The target names what is behind a tag by another algorithm, so its tag is not that of the source: ask the publisher for an image with a sha256 digest, or use a registry that takes this one";

function isOtherAlgorithm(planned: Digest, found: Digest | undefined): boolean {
  return found !== undefined && found.split(":")[0] !== planned.split(":")[0];
}
