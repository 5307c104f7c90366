import { detectMediaType } from "../../oci/detect-media-type.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { referrerOf } from "../../oci/referrer.ts";
import type { LayoutTable } from "../format/layout-table.ts";
import type { BundleReader } from "../read/bundle-reader.ts";
import type { UnnamedManifest } from "./bundled-tags.ts";
import { damaged } from "./damaged.ts";

/** Far above any signature or attestation manifest; layers of this size are read for nothing. */
const SIZE_LIMIT_BYTES = 256 * 1024;

/**
 * Manifests that belong to others and that `index.json` does not list: `cosign save` 3 writes its bundles so, and loses
 * them when it loads the layout.
 */
export async function findUnlistedReferrers(
  reader: BundleReader,
  layout: LayoutTable,
): Promise<UnnamedManifest[]> {
  const found: UnnamedManifest[] = [];
  for (const [digest, { size }] of layout.blobs) {
    if (size > SIZE_LIMIT_BYTES) continue;
    const bytes = await reader.readDocument(layout, digest).catch(damaged);
    if (!bytes?.includes('"subject"')) continue;
    try {
      const mediaType = detectMediaType(bytes, digest);
      const descriptor = { mediaType, digest, size };
      if (referrerOf(descriptor, bytes)) found.push({ layout, digest, descriptor });
    } catch (error) {
      // Most blobs are no manifests
      if (!(error instanceof ContentInvalidError)) throw error;
    }
  }
  return found;
}
