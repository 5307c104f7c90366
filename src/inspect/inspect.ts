import { readBundledGraph } from "../bundle/images/bundle-graph.ts";
import { readBundledTags } from "../bundle/images/bundle-images.ts";
import { noticesOf } from "../bundle/images/bundle-notices.ts";
import type { BundledReferrer, BundledTag } from "../bundle/images/bundled-tags.ts";
import type { BundleImage, BundleTotals } from "../bundle/read/bundle-manifest.ts";
import { type BundleReader, openBundle } from "../bundle/read/bundle-reader.ts";
import { checkOptions } from "../check-options.ts";
import type { PackageKind } from "../contents/contents.ts";
import type { Notice } from "../notice.ts";
import type { OperationOptions } from "../store/store.ts";

export interface InspectOptions extends OperationOptions {
  readonly bundlePath: string;
}

export const INSPECT_MEDIA_TYPE = "application/vnd.airgap-mirror.inspect.v1+json";

/** What is in a bundle, also in one of another program: then without hashes, and with a notice that says so. */
export interface BundleDescription {
  readonly schemaVersion: 1;
  readonly mediaType: typeof INSPECT_MEDIA_TYPE;
  readonly source?: string;
  readonly selection?: unknown;
  readonly packages: readonly {
    readonly name: string;
    readonly kind?: PackageKind;
    readonly size: number;
    readonly files: readonly {
      readonly name: string;
      readonly size: number;
      readonly sha256?: string;
    }[];
    readonly layouts: readonly { readonly path: string; readonly images: readonly BundleImage[] }[];
  }[];
  readonly totals: Omit<BundleTotals, "manifests"> & Partial<BundleTotals>;
  readonly notices: readonly Notice[];
}

/** Reads names, headers and manifests; blobs are not read. */
export async function inspectBundle(options: InspectOptions): Promise<BundleDescription> {
  checkOptions(options, { bundlePath: "text", signal: "signal?" });
  const { bundlePath } = options;
  await using reader = await openBundle(bundlePath);
  const bundled = await readBundledTags(reader);
  const { listing, strayFiles } = reader;
  const notices = noticesOf(listing, { ...bundled, strayFiles });
  if (reader.manifest) {
    const { source, selection, packages, totals } = reader.manifest;
    return {
      schemaVersion: 1,
      mediaType: INSPECT_MEDIA_TYPE,
      ...(source ? { source } : {}),
      selection,
      packages,
      totals,
      notices,
    };
  }
  const images = await Promise.all(
    [...bundled.tags, ...bundled.referrers].map(async (published) => {
      return { published, image: await describe(reader, published) };
    }),
  );
  return {
    schemaVersion: 1,
    mediaType: INSPECT_MEDIA_TYPE,
    packages: reader.listing.packages.map(({ name, files }, index) => ({
      name,
      size: files.reduce((sum, { size }) => sum + size, 0),
      files,
      layouts: reader.layouts
        .filter((layout) => layout.package === index)
        .map((layout) => ({
          path: layout.path,
          images: images
            .filter(({ published }) => published.layout === layout)
            .map(({ image }) => image),
        })),
    })),
    totals: totalsOf(reader, images.length),
    notices,
  };
}

async function describe(
  reader: BundleReader,
  published: BundledTag | BundledReferrer,
): Promise<BundleImage> {
  const { layout, repository, root, source, kind } = published;
  const { children, blobs } = await readBundledGraph(reader, layout, root);
  return {
    repository,
    tags: "tag" in published ? [published.tag] : [],
    digest: root.digest,
    mediaType: root.mediaType,
    size: [root, ...children, ...blobs].reduce((sum, { size }) => sum + size, 0),
    platforms: [],
    source,
    kind,
    ...("subject" in published ? { subject: published.subject } : {}),
  };
}

function totalsOf(reader: BundleReader, images: number): BundleDescription["totals"] {
  const sizes = new Map(
    reader.layouts.flatMap(({ blobs }) =>
      [...blobs].map(([digest, { size }]) => [digest, size] as const),
    ),
  );
  const uniqueBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return { images, blobs: sizes.size, uniqueBytes };
}
