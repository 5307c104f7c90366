/** What a manifest is to the one that it belongs to. */
export type ReferrerRole = "signature" | "attestation" | "sbom" | "referrer";

/** Sigstore bundles hold signatures and attestations alike; their annotations say which (sigstore, "OCI registries"). */
const BUNDLE_CONTENT = "dev.sigstore.bundle.content";
const BUNDLE_PREDICATE = "dev.sigstore.bundle.predicateType";
const SIGNING_PREDICATE = "https://sigstore.dev/cosign/sign/v1";

/** As far as its type and its annotations say, which lists of referrers repeat. */
export function roleOfReferrer(
  type: string,
  annotations: Readonly<Record<string, string>> | undefined,
): ReferrerRole {
  if (/sigstore\.bundle/.test(type)) {
    const isEnvelope = annotations?.[BUNDLE_CONTENT] === "dsse-envelope";
    const isSigning = annotations?.[BUNDLE_PREDICATE] === SIGNING_PREDICATE;
    return isEnvelope && !isSigning ? "attestation" : "signature";
  }
  if (/spdx|cyclonedx|sbom|syft/i.test(type)) return "sbom";
  if (/in-toto|attestation|openvex|\bvex\b|dsse/i.test(type)) return "attestation";
  return /signature|cosign|\.sig\b/i.test(type) ? "signature" : "referrer";
}
