import { childrenOf } from "../oci/children.ts";
import { coreOf, type Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { parseManifest } from "../oci/manifest.ts";
import { isManifestType } from "../oci/media-type.ts";
import type { BundleReader } from "./bundle-reader.ts";
import type { LayoutTable } from "./layout-table.ts";

/** What a root of a layout needs in a registry, each once. */
export interface BundledGraph {
  readonly root: Descriptor;
  /** Manifests below the root, children before parents. */
  readonly children: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
}

const DEPTH_LIMIT = 8;

/** Reads and verifies the manifests below a root; blobs are only looked up. Throws where the layout lacks one. */
export async function readBundledGraph(
  reader: BundleReader,
  layout: LayoutTable,
  root: Descriptor,
): Promise<BundledGraph> {
  const children = new Map<Digest, Descriptor>();
  const blobs = new Map<Digest, Descriptor>();
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (depth > DEPTH_LIMIT) {
      throw new ContentInvalidError(`manifest ${root.digest}`, "its indexes are nested too deeply");
    }
    const bytes = await reader.readDocument(layout, descriptor.digest);
    const found = childrenOf(parseManifest(bytes, descriptor.mediaType, descriptor.digest));
    for (const blob of found.blobs) {
      reader.placeOf(layout, blob.digest);
      blobs.set(blob.digest, coreOf(blob));
    }
    for (const child of found.manifests) {
      if (children.has(child.digest)) continue;
      await visit(child, depth + 1);
      children.set(child.digest, coreOf(child));
    }
  };
  if (!isManifestType(root.mediaType)) {
    throw new ContentInvalidError(
      `image ${root.digest}`,
      `its media type "${root.mediaType}" is not a manifest's`,
    );
  }
  await visit(root, 0);
  return { root, children: [...children.values()], blobs: [...blobs.values()] };
}
