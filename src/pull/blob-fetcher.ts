import { Readable } from "node:stream";
import type { BundleWriter } from "../bundle/write/bundle-writer.ts";
import { isMirrorError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { BlobProgress } from "./blob-progress.ts";
import type { BlobReceiver } from "./blob-receiver.ts";
import type { OpenBlobSource } from "./directory/local-content.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";
import { SMALL_BYTES } from "./lanes.ts";

export interface BlobFetcherOptions {
  readonly writer: BundleWriter;
  readonly openSource: OpenBlobSource;
  readonly receiver: BlobReceiver;
  readonly progress: BlobProgress;
  /** Of blobs that are not in place yet. */
  readonly runBytes: number;
  /** Threads that hash files meanwhile. */
  readonly busyThreads: number;
  readonly signal: AbortSignal;
}

/** Fetches blobs from their sources, behind what is written of them. */
export class BlobFetcher {
  readonly #options: BlobFetcherOptions;

  constructor(options: BlobFetcherOptions) {
    this.#options = options;
  }

  /** What is written of a blob that turns out to be wrong is forgotten. */
  async fetch(task: BlobTask): Promise<void> {
    try {
      if (!(await this.#fetchElsewhere(task))) await this.#fetchHere(task);
    } catch (error) {
      if (isMirrorError(error, "CONTENT_MISMATCH")) this.#options.progress.forget(task);
      throw error;
    }
  }

  /** Has the source write the blob itself, where it offers that. */
  async #fetchElsewhere(task: BlobTask): Promise<boolean> {
    if (task.size <= SMALL_BYTES) return false;
    const { busyThreads, openSource, progress, runBytes, signal, writer } = this.#options;
    const places = task.places.map((place) => writer.partsOf(place));
    const fetching = openSource(task.content.origin).fetchInto?.(descriptorOf(task), places, {
      signal,
      runBytes,
      busyThreads,
      keptBytes: progress.markOf(task),
      onStart: (offset) => {
        if (offset === 0) progress.unmark(task);
        progress.tellStart(task, offset);
      },
      onProgress: (bytes) => progress.tellBytes(task, bytes),
      onWritten: (position) => progress.mark(task, position),
    });
    return (await fetching) ?? false;
  }

  async #fetchHere(task: BlobTask): Promise<void> {
    const { openSource, progress, receiver, signal } = this.#options;
    const { size, content } = task;
    const start = await receiver.startOf(task);
    const { offset } = start;
    progress.tellStart(task, offset);
    const body =
      offset === size
        ? Readable.from([])
        : await openSource(content.origin)
            .fetch(descriptorOf(task), { offset, signal })
            .catch((error: unknown) => {
              start.hash?.discard();
              throw error;
            });
    await receiver.receive(task, start, body, (bytes) => progress.tellBytes(task, bytes));
  }
}

function descriptorOf({ digest, size, content: { mediaType, urls } }: BlobTask): Descriptor {
  return { digest, size, mediaType, ...(urls ? { urls } : {}) };
}
