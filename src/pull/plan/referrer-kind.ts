import type { ImageKind } from "../../contents/contents.ts";
import type { CosignSuffix } from "../../oci/cosign-tag.ts";
import type { ManifestDocument } from "../../oci/manifest.ts";
import { roleOfReferrer } from "../../oci/referrer-role.ts";

const KIND_OF_SUFFIX: Readonly<Record<CosignSuffix, ImageKind>> = {
  sig: "signature",
  att: "attestation",
  sbom: "sbom",
};

export function kindOfSuffix(suffix: CosignSuffix): ImageKind {
  return KIND_OF_SUFFIX[suffix];
}

/** What a referrer is, as far as its type says. */
export function kindOfReferrer(document: ManifestDocument): ImageKind {
  const [type = ""] = typesOf(document);
  return roleOfReferrer(type, document.annotations);
}

/** What can be asked for: the type of a referrer, and where it has none the types of what it holds. */
export function typesOf(document: ManifestDocument): readonly string[] {
  if (document.artifactType) return [document.artifactType];
  if (document.kind !== "manifest") return [];
  const { config, layers } = document;
  return [config.mediaType, ...layers.map(({ mediaType }) => mediaType)];
}
