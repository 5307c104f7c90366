import type { ImageKind } from "../../contents/contents.ts";
import type { CosignSuffix } from "../../oci/cosign-tag.ts";
import type { ManifestDocument } from "../../oci/manifest.ts";

const KIND_OF_SUFFIX: Readonly<Record<CosignSuffix, ImageKind>> = {
  sig: "signature",
  att: "attestation",
  sbom: "sbom",
};

export function kindOfSuffix(suffix: CosignSuffix): ImageKind {
  return KIND_OF_SUFFIX[suffix];
}

/** Sigstore bundles hold signatures and attestations alike; their annotations say which (sigstore, "OCI registries"). */
const BUNDLE_CONTENT = "dev.sigstore.bundle.content";
const BUNDLE_PREDICATE = "dev.sigstore.bundle.predicateType";
const SIGNING_PREDICATE = "https://sigstore.dev/cosign/sign/v1";

/** What a referrer is, as far as its type says. */
export function kindOfReferrer(document: ManifestDocument): ImageKind {
  const { annotations } = document;
  const [type = ""] = typesOf(document);
  if (/sigstore\.bundle/.test(type)) {
    const isEnvelope = annotations?.[BUNDLE_CONTENT] === "dsse-envelope";
    const isSigning = annotations?.[BUNDLE_PREDICATE] === SIGNING_PREDICATE;
    return isEnvelope && !isSigning ? "attestation" : "signature";
  }
  if (/spdx|cyclonedx|sbom|syft/i.test(type)) return "sbom";
  if (/in-toto|attestation|openvex|\bvex\b|dsse/i.test(type)) return "attestation";
  return /signature|cosign|\.sig\b/i.test(type) ? "signature" : "referrer";
}

/** What can be asked for: the type of a referrer, and where it has none the types of what it holds. */
export function typesOf(document: ManifestDocument): readonly string[] {
  if (document.artifactType) return [document.artifactType];
  if (document.kind !== "manifest") return [];
  const { config, layers } = document;
  return [config.mediaType, ...layers.map(({ mediaType }) => mediaType)];
}
