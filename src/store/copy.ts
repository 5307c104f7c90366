import { setMaxListeners } from "node:events";
import pLimit from "p-limit";
import type { Descriptor } from "../oci/descriptor.ts";
import type { ManifestSource, OperationOptions, ReadableStore, WritableStore } from "./store.ts";
import { type WalkedGraph, walkGraph } from "./walk.ts";

export interface CopyOptions extends OperationOptions {
  /** Blobs that are on their way at once; default 4. */
  readonly concurrency?: number | undefined;
  /** Content that is in the target for certain, with all below it: neither asked for nor copied. */
  readonly skip?: ((descriptor: Descriptor) => boolean | Promise<boolean>) | undefined;
  /** Repository of the target's registry that is known to hold the blob: it is mounted from there if the target can. */
  readonly mount?: ((descriptor: Descriptor) => string | undefined) | undefined;
  /** Called before a manifest or blob is copied; it is copied when the answer is there. */
  readonly before?: ((descriptor: Descriptor) => void | Promise<void>) | undefined;
  /** Called for each manifest or blob that is dealt with, once. */
  readonly after?:
    | ((descriptor: Descriptor, outcome: CopyOutcome) => void | Promise<void>)
    | undefined;
}

/** `skipped`: by choice of the caller; `already-there`: the target said so, for a manifest with all below it. */
export type CopyOutcome = "copied" | "mounted" | "already-there" | "skipped";

/** A store and a tag or digest in it. */
export interface CopyEnd<Store> {
  readonly store: Store;
  readonly reference: string;
}

const DEFAULT_CONCURRENCY = 4;

/**
 * Copies an image, index or artifact with everything below it between any two stores: blobs before manifests, children
 * before parents, the reference last. What the target has is not copied again. Returns the descriptor of the root.
 */
export async function copy(
  source: CopyEnd<ReadableStore>,
  target: CopyEnd<WritableStore>,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const { signal, before, after } = options;
  const root = await source.store.fetchManifest(source.reference, { signal });
  const { digest } = root.descriptor;
  const graph = await walkGraph(root.descriptor, {
    subject: `"${source.reference}"`,
    read: (child) =>
      child.digest === digest
        ? Promise.resolve(root.bytes)
        : readMissing(child, source.store, target.store, options),
    signal,
  });
  await copyBlobs(graph, source.store, target.store, options);
  for (const { descriptor, bytes } of graph.leavesFirst) {
    await before?.(descriptor);
    const reference = descriptor.digest === digest ? target.reference : descriptor.digest;
    await target.store.pushManifest({ descriptor, bytes }, reference, { signal });
    await after?.(descriptor, "copied");
  }
  return root.descriptor;
}

/** What the target has of manifests is there with all below it: it takes no others. */
async function readMissing(
  child: Descriptor,
  source: ManifestSource,
  target: WritableStore,
  { skip, after, signal }: CopyOptions,
): Promise<Buffer | undefined> {
  const isSkipped = await skip?.(child);
  if (isSkipped || (await target.exists(child, { signal }))) {
    await after?.(child, isSkipped ? "skipped" : "already-there");
    return undefined;
  }
  return (await source.fetchManifest(child.digest, { signal })).bytes;
}

async function copyBlobs(
  { blobs }: WalkedGraph,
  source: ReadableStore,
  target: WritableStore,
  options: CopyOptions,
): Promise<void> {
  const limit = pLimit(options.concurrency ?? DEFAULT_CONCURRENCY);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  // Every transfer listens
  setMaxListeners(0, signal);
  const copying = blobs.map((blob) =>
    limit(async () => {
      try {
        signal.throwIfAborted();
        await copyBlob(blob, source, target, { ...options, signal });
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }),
  );
  await Promise.allSettled(copying);
  if (signal.aborted) throw signal.reason;
}

async function copyBlob(
  blob: Descriptor,
  source: ReadableStore,
  target: WritableStore,
  { skip, mount, before, after, signal }: CopyOptions,
): Promise<void> {
  if (await skip?.(blob)) {
    await after?.(blob, "skipped");
    return;
  }
  await before?.(blob);
  const open = (offset: number) => source.fetch(blob, { offset, signal });
  const { outcome } = await target.push(blob, open, { mountFrom: mount?.(blob), signal });
  await after?.(blob, outcome === "uploaded" ? "copied" : outcome);
}
