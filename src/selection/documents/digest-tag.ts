import { isDigest, parseDigest } from "../../oci/digest.ts";

/** The tag that an image is published under: images that are addressed by digest get the bare hex. */
export function tagFor(reference: string): string {
  return isDigest(reference) ? parseDigest(reference).encoded : reference;
}

/** Whether a tag only stands for a digest: that of an image, or of what belongs to one (`sha256-<hex>.att`). */
export function isDigestTag(tag: string): boolean {
  return /^(?:sha256-)?[0-9a-f]{64}(?:\.[a-z]+)?$/.test(tag);
}
