import { ContentInvalidError, ContentMismatchError } from "../../oci/errors.ts";
import { BundleContentMismatchError, BundleCorruptError } from "../errors.ts";

/** A damaged manifest hides what is below it and nothing else; who asks for itself is told. */
export function damaged(error: unknown): undefined {
  const isDamage =
    error instanceof BundleContentMismatchError ||
    error instanceof BundleCorruptError ||
    error instanceof ContentMismatchError ||
    error instanceof ContentInvalidError;
  if (!isDamage) throw error;
}
