import type { Descriptor } from "./descriptor.ts";
import type { ManifestDocument } from "./manifest.ts";
import { isLegacyManifestType, isManifestType } from "./media-type.ts";

/** What a manifest or index points at, in document order; the subject is not a child. */
export interface Children {
  readonly manifests: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
}

/**
 * Layers with `urls` of a non-distributable type: a registry may have them or not. They are copied like all others;
 * leaving them out is for who runs the program to say.
 */
export function isForeignLayer(descriptor: Descriptor): boolean {
  return (
    (descriptor.urls?.length ?? 0) > 0 && /foreign|nondistributable/.test(descriptor.mediaType)
  );
}

export function childrenOf(document: ManifestDocument): Children {
  if (document.kind === "manifest") {
    return { manifests: [], blobs: [document.config, ...document.layers] };
  }
  if (document.kind === "artifact") return { manifests: [], blobs: document.blobs };
  return {
    manifests: document.manifests.filter(isManifest),
    blobs: document.manifests.filter((child) => !isManifest(child)),
  };
}

/** What cannot be used is a manifest all the same: whoever reads it refuses it by name. */
function isManifest({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isLegacyManifestType(mediaType);
}
