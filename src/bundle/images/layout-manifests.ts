import { childrenOf } from "../../oci/children.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { isIndexType, isManifestType } from "../../oci/media-type.ts";
import { referrerOf } from "../../oci/referrer.ts";
import type { Manifest } from "../../store/store.ts";
import { walkGraph } from "../../store/walk.ts";
import type { LayoutTable } from "../format/layout-table.ts";
import type { BundleReader } from "../read/bundle-reader.ts";
import { readLayoutTags } from "./bundle-images.ts";
import { damaged } from "./damaged.ts";

/**
 * The manifests among the blobs of a layout. What a manifest is, the descriptor says that leads to it, never its own
 * bytes: they may leave it out.
 */
export interface LayoutManifests {
  /** Reads and verifies a manifest; undefined for what no descriptor of the layout calls one. */
  read(digest: Digest): Promise<Manifest | undefined>;
  referrers(subject: Digest): Promise<readonly Descriptor[]>;
}

export function createLayoutManifests(
  reader: BundleReader,
  layout: LayoutTable,
  roots: Iterable<Descriptor>,
): LayoutManifests {
  const types = new Map<Digest, string>();
  for (const { digest, mediaType } of roots) types.set(digest, mediaType);
  let surveyed: Promise<ReadonlyMap<Digest, readonly Descriptor[]>> | undefined;
  /** All descriptors are looked at once, when somebody asks for what no image has led to yet. */
  const survey = () => {
    surveyed ??= surveyLayout(reader, layout, types);
    surveyed.catch(() => {
      surveyed = undefined;
    });
    return surveyed;
  };
  return {
    async read(digest) {
      if (!layout.blobs.has(digest)) return undefined;
      if (!types.has(digest)) await survey();
      const mediaType = types.get(digest);
      return mediaType === undefined
        ? undefined
        : readManifest(reader, layout, { digest, mediaType, types });
    },
    referrers: async (subject) => (await survey()).get(subject) ?? [],
  };
}

interface WantedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Where the types of the children are noted: whoever reads an index asks for them next. */
  readonly types: Map<Digest, string>;
}

async function readManifest(
  reader: BundleReader,
  layout: LayoutTable,
  { digest, mediaType, types }: WantedManifest,
): Promise<Manifest> {
  const bytes = await reader.readDocument(layout, digest);
  if (isIndexType(mediaType)) {
    const { manifests } = childrenOf(parseManifest(bytes, mediaType, digest));
    for (const child of manifests) types.set(child.digest, child.mediaType);
  }
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** Notes the type of every manifest; returns them by their subjects. */
async function surveyLayout(
  reader: BundleReader,
  layout: LayoutTable,
  types: Map<Digest, string>,
): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
  const { tags, referrers: belonging, unnamed } = await readLayoutTags(reader, layout);
  const named = [...tags, ...belonging].map(({ root }) => root);
  const roots = [...named, ...unnamed.map(({ descriptor }) => descriptor)];
  const seen = new Set<Digest>();
  const referrers = new Map<Digest, Descriptor[]>();
  const read = async ({ digest, mediaType }: Descriptor) => {
    if (seen.has(digest) || !layout.blobs.has(digest)) return undefined;
    seen.add(digest);
    types.set(digest, mediaType);
    return reader.readDocument(layout, digest).catch(damaged);
  };
  for (const root of roots.filter(({ mediaType }) => isManifestType(mediaType))) {
    const subject = `manifest ${root.digest}`;
    const graph = await walkGraph(root, { read, subject }).catch(damaged);
    for (const { bytes, descriptor } of graph?.manifests ?? []) {
      const referrer = referrerOf(descriptor, bytes);
      if (!referrer) continue;
      const known = referrers.get(referrer.subject) ?? [];
      referrers.set(referrer.subject, [...known, referrer.descriptor]);
    }
  }
  return referrers;
}
