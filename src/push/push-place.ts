import type { LayoutTable } from "../bundle/format/layout-table.ts";
import type { BundleReader, FiledBlob } from "../bundle/read/bundle-reader.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { Manifest, OpenContent } from "../store/store.ts";

/** A repository of the target, and where the content for it comes from. */
export interface PushPlace {
  readonly target: RepositoryReference;
  readonly has: (digest: Digest) => boolean;
  readonly openBlob: (blob: Descriptor) => OpenContent;
  /** All of a small blob, verified. */
  readonly readBlob?: ((blob: Descriptor) => Promise<Buffer>) | undefined;
  /** Where a blob lies, if that is in files. */
  readonly fileBlob?: ((blob: Descriptor) => FiledBlob | undefined) | undefined;
  readonly readManifest: (descriptor: Descriptor) => Promise<Manifest>;
}

/** Content of a layout of the bundle. */
export function createPlace(
  bundle: BundleReader,
  { layout, target }: { readonly layout: LayoutTable; readonly target: RepositoryReference },
): PushPlace {
  return {
    target,
    has: (digest) => layout.blobs.has(digest),
    openBlob: (blob) => (offset) => bundle.openBlob(layout, blob, { offset }),
    readBlob: (blob) => bundle.readBlob(layout, blob),
    fileBlob: (blob) => bundle.fileBlob(layout, blob),
    readManifest: async (descriptor) => {
      return { descriptor, bytes: await bundle.readDocument(layout, descriptor.digest) };
    },
  };
}
