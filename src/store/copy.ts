import { childrenOf } from "../oci/children.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseManifest } from "../oci/manifest.ts";
import type { Manifest, OperationOptions, ReadableStore, WritableStore } from "./store.ts";

export interface CopyOptions extends OperationOptions {
  /** Called for each manifest or blob that the target did not have. */
  readonly onCopied?: ((descriptor: Descriptor) => void) | undefined;
}

/** A store and a tag or digest in it. */
export interface CopyEnd<Store> {
  readonly store: Store;
  readonly reference: string;
}

/**
 * Copies an image, index or artifact with everything below it between any two stores: children before parents, the
 * reference last. What the target has is not copied again. Returns the descriptor of the root.
 */
export async function copy(
  source: CopyEnd<ReadableStore>,
  target: CopyEnd<WritableStore>,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const { signal } = options;
  const root = await source.store.fetchManifest(source.reference, { signal });
  await copyChildren(root, source.store, target.store, options);
  await target.store.pushManifest(root, target.reference, { signal });
  options.onCopied?.(root.descriptor);
  return root.descriptor;
}

async function copyChildren(
  manifest: Manifest,
  source: ReadableStore,
  target: WritableStore,
  options: CopyOptions,
): Promise<void> {
  const { signal, onCopied } = options;
  const { mediaType, digest } = manifest.descriptor;
  const { blobs, manifests } = childrenOf(parseManifest(manifest.bytes, mediaType, digest));
  for (const blob of blobs) {
    const open = (offset: number) => source.fetch(blob, { offset, signal });
    const { outcome } = await target.push(blob, open, { signal });
    if (outcome !== "already-there") onCopied?.(blob);
  }
  for (const child of manifests) {
    if (await target.exists(child, { signal })) continue;
    const found = await source.fetchManifest(child.digest, { signal });
    await copyChildren(found, source, target, options);
    await target.pushManifest(found, child.digest, { signal });
    onCopied?.(child);
  }
}
