import { isForeignLayer } from "../../oci/children.ts";
import { coreOf, type Descriptor } from "../../oci/descriptor.ts";
import type { OperationOptions } from "../../store/store.ts";
import { walkGraph } from "../../store/walk.ts";
import type { LayoutTable } from "../format/layout-table.ts";
import type { BundleReader } from "../read/bundle-reader.ts";

/** What a root of a layout needs in a registry, each once. */
export interface BundledGraph {
  readonly root: Descriptor;
  /** Manifests below the root, children before parents. */
  readonly children: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
  /** Foreign layers that the bundle was made without. */
  readonly omitted: readonly Descriptor[];
}

export interface ReadBundledGraphOptions extends OperationOptions {
  /** The image as the bundle names it, for messages; default: its digest. */
  readonly subject?: string | undefined;
}

/** Reads and verifies the manifests below a root; blobs are only looked up. Throws where the layout lacks one. */
export async function readBundledGraph(
  reader: BundleReader,
  layout: LayoutTable,
  root: Descriptor,
  { subject = root.digest, signal }: ReadBundledGraphOptions = {},
): Promise<BundledGraph> {
  const { blobs, leavesFirst } = await walkGraph(root, {
    subject: `image ${subject}`,
    read: ({ digest }) => reader.readDocument(layout, digest),
    signal,
  });
  const omitted = blobs.filter((blob) => isLeftOut(reader, layout, blob));
  const held = blobs.filter((blob) => !omitted.includes(blob));
  for (const { digest } of held) reader.placeOf(layout, digest);
  const children = leavesFirst.slice(0, -1);
  return {
    root,
    children: children.map(({ descriptor }) => coreOf(descriptor)),
    blobs: held.map(coreOf),
    omitted,
  };
}

/**
 * Whether a foreign layer is missing by choice: `bundle.json` says so, or there is none, and other programs leave such
 * layers out.
 */
export function isLeftOut(
  { manifest }: Pick<BundleReader, "manifest">,
  { blobs }: LayoutTable,
  layer: Descriptor,
): boolean {
  if (!isForeignLayer(layer) || blobs.has(layer.digest)) return false;
  const layouts = manifest?.packages.flatMap((item) => item.layouts);
  const omitted = layouts?.flatMap(({ images }) => images.flatMap((image) => image.omitted ?? []));
  return omitted?.some(({ digest }) => digest === layer.digest) ?? true;
}
