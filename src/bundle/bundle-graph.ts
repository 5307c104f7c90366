import { coreOf, type Descriptor } from "../oci/descriptor.ts";
import type { OperationOptions } from "../store/store.ts";
import { walkGraph } from "../store/walk.ts";
import type { BundleReader } from "./bundle-reader.ts";
import type { LayoutTable } from "./layout-table.ts";

/** What a root of a layout needs in a registry, each once. */
export interface BundledGraph {
  readonly root: Descriptor;
  /** Manifests below the root, children before parents. */
  readonly children: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
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
  for (const { digest } of blobs) reader.placeOf(layout, digest);
  const children = leavesFirst.slice(0, -1);
  return {
    root,
    children: children.map(({ descriptor }) => coreOf(descriptor)),
    blobs: blobs.map(coreOf),
  };
}
