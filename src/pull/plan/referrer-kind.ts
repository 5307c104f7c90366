import type { ImageKind } from "../../contents/contents.ts";
import type { CosignSuffix } from "../../oci/cosign-tag.ts";
import type { ManifestDocument } from "../../oci/manifest.ts";
import { roleOfReferrer } from "../../oci/referrer-role.ts";
import { typesOf } from "../../oci/referrer-types.ts";

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
