import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";

/** BuildKit's attestations are entries of an index that name the image they belong to, by these annotations. */
const REFERENCE_TYPE = "vnd.docker.reference.type";
const REFERENCE_DIGEST = "vnd.docker.reference.digest";

export function isAttestation({ annotations }: Descriptor): boolean {
  return (
    annotations?.[REFERENCE_TYPE] === "attestation-manifest" ||
    annotations?.[REFERENCE_DIGEST] !== undefined
  );
}

/** The manifest that an attestation belongs to, in the same index. */
export function attestedDigest({ annotations }: Descriptor): Digest | undefined {
  return annotations?.[REFERENCE_DIGEST];
}
