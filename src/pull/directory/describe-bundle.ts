import { createHash } from "node:crypto";
import type { PackagePlan } from "../../bundle/format/bundle-plan.ts";
import type {
  BundleFile,
  BundleImage,
  BundleManifest,
  BundlePackage,
  BundleTotals,
  HashedBundleFile,
} from "../../bundle/read/bundle-manifest.ts";
import { BUNDLE_MEDIA_TYPE } from "../../bundle/read/bundle-manifest.ts";
import type { ExtraFile, ImageContents, PackageContents } from "../../contents/contents.ts";
import type { Digest } from "../../oci/digest.ts";
import { isManifestType } from "../../oci/media-type.ts";
import { formatReference } from "../../oci/reference.ts";
import type { PinnedPlan } from "./pull-state.ts";
import type { RecordedSelection } from "./wishes.ts";

/** `bundle.json` for contents that are all written. */
export function describeBundle(
  { selection, contents, extraFiles = [] }: PinnedPlan,
  plans: readonly PackagePlan[],
  files: readonly (readonly BundleFile[])[],
): BundleManifest {
  return {
    schemaVersion: 1,
    mediaType: BUNDLE_MEDIA_TYPE,
    ...(selection.source ? { source: formatReference(selection.source) } : {}),
    selection: describeSelection(selection),
    packages: contents.map(
      ({ name, kind, layouts }, index): BundlePackage => ({
        name,
        kind,
        size: plans[index]?.size ?? 0,
        files: files[index] ?? [],
        layouts: layouts.map(({ path, images }) => ({ path, images: images.map(describeImage) })),
      }),
    ),
    ...(extraFiles.length > 0 ? { extraFiles: extraFiles.map(describeExtraFile) } : {}),
    totals: totalsOf(contents),
  };
}

/** Wishes that are off or empty are left out, so that the same wishes look the same when a later version knows more. */
export function describeSelection(selection: RecordedSelection): object {
  return dropDefaults(selection) as object;
}

function dropDefaults(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, dropDefaults(item)] as const);
  return Object.fromEntries(entries.filter(([, item]) => !isDefault(item)));
}

function isDefault(value: unknown): boolean {
  if (value === undefined || value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function describeExtraFile({ name, text }: ExtraFile): HashedBundleFile {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { name, size: Buffer.byteLength(text), sha256 };
}

export function describeImage(image: ImageContents): BundleImage {
  return {
    repository: image.repository,
    tags: image.tags,
    digest: image.root.digest,
    mediaType: image.root.mediaType,
    size: [...image.documents, ...image.layers].reduce((sum, { size }) => sum + size, 0),
    platforms: image.platforms,
    source: image.source,
    kind: image.kind,
    ...(image.subject ? { subject: image.subject } : {}),
    ...(image.sourceDigest ? { sourceDigest: image.sourceDigest } : {}),
    ...(image.omitted ? { omitted: image.omitted } : {}),
  };
}

export function totalsOf(contents: readonly PackageContents[]): BundleTotals {
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  const manifests = new Set<Digest>();
  const blobs = new Set<Digest>();
  let uniqueBytes = 0;
  for (const { digest, mediaType, size } of images.flatMap((image) => [
    ...image.documents,
    ...image.layers,
  ])) {
    const seen = isManifestType(mediaType) ? manifests : blobs;
    if (seen.has(digest)) continue;
    seen.add(digest);
    uniqueBytes += size;
  }
  return { images: images.length, manifests: manifests.size, blobs: blobs.size, uniqueBytes };
}
