import { ContentInvalidError } from "../../oci/errors.ts";
import { type ImageManifest, parseManifest } from "../../oci/manifest.ts";
import { parseChannelRelease } from "../../product/channel.ts";
import { VERSION_FILE } from "../../product/file-names.ts";
import { readImageFiles } from "../../product/image-files.ts";
import type { ContentSource, OperationOptions } from "../../store/store.ts";
import type { LayoutTable } from "../format/layout-table.ts";
import type { BundleReader } from "../read/bundle-reader.ts";
import type { BundledGraph } from "./bundle-graph.ts";

export interface ReadPointedVersionOptions extends OperationOptions {
  readonly bundle: BundleReader;
  readonly layout: LayoutTable;
  readonly graph: BundledGraph;
}

/** The tag of the version that a release image names; undefined if it names none. */
export async function readPointedVersion({
  bundle,
  layout,
  graph,
  signal,
}: ReadPointedVersionOptions): Promise<string | undefined> {
  const source: Pick<ContentSource, "fetch"> = {
    fetch: async (target) => bundle.openBlob(layout, target),
  };
  for (const { digest, mediaType } of [graph.root, ...graph.children]) {
    const bytes = await bundle.readDocument(layout, digest);
    const manifest = parseManifest(bytes, mediaType, digest);
    if (manifest.kind !== "manifest") continue;
    const version = await readVersion(manifest, source, signal);
    if (version !== undefined) return version;
  }
  return undefined;
}

/** What is no release image points at nothing. */
async function readVersion(
  manifest: ImageManifest,
  source: Pick<ContentSource, "fetch">,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const files = await readImageFiles({ manifest, source, names: [VERSION_FILE], signal });
    const file = files.get(VERSION_FILE);
    return file && parseChannelRelease(file, VERSION_FILE).version;
  } catch (error) {
    if (error instanceof ContentInvalidError) return undefined;
    throw error;
  }
}
