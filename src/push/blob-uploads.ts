import pLimit from "p-limit";
import type { BundleReader } from "../bundle/bundle-reader.ts";
import type { LayoutTable } from "../bundle/layout-table.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import type { OperationOptions, TargetRepository, UploadSessionStore } from "../store/store.ts";
import type { PushEvent } from "./events.ts";

export interface BlobUploadsOptions extends OperationOptions {
  readonly bundle: BundleReader;
  readonly openTarget: (reference: RepositoryReference) => TargetRepository;
  /** Where the upload session of a blob is kept between runs. */
  readonly sessionOf: (target: RepositoryReference, digest: Digest) => UploadSessionStore;
  readonly concurrency: number;
  readonly onEvent: (event: PushEvent) => void;
}

export interface UploadTotals {
  blobs: number;
  sentBytes: number;
  mountedBytes: number;
  alreadyThereBytes: number;
}

/** Brings blobs into repositories: each is uploaded once per run, and mounted wherever else it is needed. */
export class BlobUploads {
  readonly totals: UploadTotals = { blobs: 0, sentBytes: 0, mountedBytes: 0, alreadyThereBytes: 0 };
  readonly #options: BlobUploadsOptions;
  readonly #limit: ReturnType<typeof pLimit>;
  /** By repository and digest: what is there, or on its way. */
  readonly #present = new Set<Digest>();
  readonly #ensured = new Map<string, Promise<void>>();
  /** The first repository that a blob goes to; settles when it is there. */
  readonly #first = new Map<Digest, Promise<RepositoryReference>>();

  constructor(options: BlobUploadsOptions) {
    this.#options = options;
    this.#limit = pLimit(options.concurrency);
  }

  /** Idempotent; afterwards the blob is in the repository. */
  ensure(target: RepositoryReference, layout: LayoutTable, blob: Descriptor): Promise<void> {
    const key = formatReference({ ...target, digest: blob.digest });
    const known = this.#ensured.get(key);
    if (known !== undefined) return known;
    const ensuring = this.#bring(target, layout, blob);
    this.#ensured.set(key, ensuring);
    return ensuring;
  }

  /** Blobs of an image that the target has as a whole. */
  countPresent(blobs: readonly Descriptor[]): void {
    for (const { digest, size } of blobs) {
      if (this.#present.has(digest)) continue;
      this.#present.add(digest);
      this.#count("already-there", size, 0);
    }
  }

  async #bring(target: RepositoryReference, layout: LayoutTable, blob: Descriptor): Promise<void> {
    const first = this.#first.get(blob.digest);
    if (first === undefined) {
      const bringing = this.#limit(() => this.#push(target, layout, blob, undefined));
      const there = bringing.then(() => target);
      // Nobody may ever wait for it; `ensure` reports the failure
      there.catch(() => {});
      this.#first.set(blob.digest, there);
      return bringing;
    }
    // Not inside the limit: who waits here must not take the place of who is waited for
    const from = await first.catch(() => undefined);
    return this.#limit(() => this.#push(target, layout, blob, from));
  }

  async #push(
    target: RepositoryReference,
    layout: LayoutTable,
    blob: Descriptor,
    from: RepositoryReference | undefined,
  ): Promise<void> {
    const { bundle, openTarget, onEvent, signal } = this.#options;
    signal?.throwIfAborted();
    const { digest, size } = blob;
    onEvent({ type: "blob-started", digest, size, repository: target.repository });
    let reported = 0;
    try {
      const { outcome, sentBytes } = await openTarget(target).push(
        blob,
        (offset) => bundle.openBlob(layout, blob, { offset }),
        {
          signal,
          mountFrom: from?.repository,
          session: this.#options.sessionOf(target, digest),
          onProgress: (sent) => {
            if (sent > reported) onEvent({ type: "blob-progress", digest, bytes: sent - reported });
            reported = Math.max(reported, sent);
          },
        },
      );
      this.#count(outcome, size, sentBytes);
      onEvent({ type: "blob-finished", digest, size, outcome });
    } catch (error) {
      onEvent({ type: "blob-finished", digest, size, outcome: "failed" });
      throw error;
    }
  }

  #count(outcome: "uploaded" | "mounted" | "already-there", size: number, sentBytes: number): void {
    this.totals.blobs++;
    this.totals.sentBytes += sentBytes;
    if (outcome === "mounted") this.totals.mountedBytes += size;
    if (outcome === "already-there") this.totals.alreadyThereBytes += size;
  }
}
