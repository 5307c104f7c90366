import { isMirrorError, MirrorError, type MirrorErrorOptions } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";

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
  return isMirrorError(error, "CONTENT_MISSING", "REGISTRY_NOT_FOUND");
}

/**
 * Whether a source only does not list its tags: who may read an image may not always list its repository, and some list
 * none. Nothing is said of what is there, so each tag can still be asked for.
 */
export function isListRefused(error: unknown): error is MirrorError {
  return isMirrorError(error, "REGISTRY_DENIED", "TAG_LIST_UNSUPPORTED");
}

/** A store refuses a manifest, because it does not know of something that the manifest points at. */
export class ContentUnknownError extends MirrorError {
  override readonly code = "REGISTRY_REFUSED";
  /** What it says it does not know; none if it does not tell. */
  readonly digests: readonly Digest[];

  constructor(message: string, digests: readonly Digest[], options?: MirrorErrorOptions) {
    super(message, {
      hint: "Run the same command again; if it fails again, look into the log of the registry",
      ...options,
    });
    this.digests = digests;
  }
}
