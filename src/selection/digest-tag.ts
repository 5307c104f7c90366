import { isDigest, parseDigest } from "../oci/digest.ts";

/** The tag that an image is published under: images that are addressed by digest get the bare hex. */
export function tagFor(reference: string): string {
  return isDigest(reference) ? parseDigest(reference).encoded : reference;
}
