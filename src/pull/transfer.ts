import type { BundleWriter } from "../bundle/write/bundle-writer.ts";
import type { ContentCache } from "../cache/content-cache.ts";
import { type ErrorCode, isMirrorError } from "../errors.ts";
import { type Failure, toFailure } from "../failure.ts";
import { ContentHasher } from "../io/content-hasher.ts";
import type { MadeList } from "../made-list.ts";
import type { Digest } from "../oci/digest.ts";
import { isManifestType } from "../oci/media-type.ts";
import { formatReference } from "../oci/reference.ts";
import { option } from "../option.ts";
import { Batch } from "../run/batch.ts";
import type { OperationOptions } from "../store/store.ts";
import { BlobFetcher } from "./blob-fetcher.ts";
import { BlobProgress } from "./blob-progress.ts";
import { BlobReceiver, FROM_FIRST_BYTE } from "./blob-receiver.ts";
import type { OpenBlobSource } from "./directory/local-content.ts";
import type { PreviousBlob } from "./directory/previous-blobs.ts";
import type { PreviousContent } from "./directory/previous-content.ts";
import type { PullJournal, PullProgress } from "./directory/pull-journal.ts";
import { takeOver } from "./directory/take-over.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";
import { EntryBatch } from "./entry-batch.ts";
import type { PullEvent } from "./events.ts";
import { runLanes, SMALL_BYTES } from "./lanes.ts";
import { readableOf } from "./positional-stream.ts";

export interface TransferOptions extends OperationOptions {
  readonly tasks: MadeList<BlobTask>;
  readonly writer: BundleWriter;
  readonly journal: PullJournal;
  readonly progress: PullProgress;
  readonly previous: readonly PreviousContent[];
  readonly cache: ContentCache;
  /** What this run has fetched into the cache. */
  readonly fetched: ReadonlySet<Digest>;
  readonly openSource: OpenBlobSource;
  /** The images that need a blob, as their user knows them. */
  readonly imagesWith: (digest: Digest) => readonly string[];
  readonly concurrency: number;
  /** Threads that hash files meanwhile. */
  readonly busyThreads: number;
  readonly onEvent: (event: PullEvent) => void;
}

export interface TransferResult {
  readonly fetchedBytes: number;
  /** Of blobs that are complete: what was not fetched. */
  readonly reusedBytes: number;
  readonly copiedBytes: number;
  readonly failures: readonly Failure[];
}

/** Failures of one blob. */
const SINGLE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CONTENT_MISMATCH",
  "CONTENT_MISSING",
  "FILE_CHANGED",
  "REGISTRY_DENIED",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_REFUSED",
]);

const FAILED_BLOB_HINT = `Run the same command again; if the source has replaced the image, add ${option("force")} to look its tags up again`;

/** Brings every blob to all its places: from the disk where it can, from the source where it must. */
export async function transferBlobs(options: TransferOptions): Promise<TransferResult> {
  const { tasks, previous } = options;
  let totalBytes = 0;
  for (const { size } of tasks) totalBytes += size;
  await using hasher = new ContentHasher({ totalBytes });
  await using run = new TransferRun(options, hasher);
  for (await using content of previous) await run.takeOver(content);
  // The file is hashed behind them; a failure is met again by the flush at the end
  const onSmallEnd = () => void run.flush().catch(() => undefined);
  const settled = await runLanes({ ...options, onSmallEnd }, async (id) => {
    const task = tasks.at(id);
    if (task) await run.transfer(task);
  });
  // Also where the run is over: what has come is not fetched again
  const [last] = await Promise.allSettled([run.flush()]);
  const fatal =
    run.fatal ?? [...settled, last].find((result) => result.status === "rejected")?.reason;
  if (fatal !== undefined) throw fatal;
  return run.result;
}

class TransferRun implements AsyncDisposable {
  readonly #options: TransferOptions;
  readonly #batch: Batch;
  /** By the number of the task. */
  readonly #isFinished: Uint8Array;
  readonly #progress: BlobProgress;
  readonly #failures: Failure[] = [];
  readonly #receiver: BlobReceiver;
  readonly #fetcher: BlobFetcher;
  readonly #entries: EntryBatch;
  #reusedBytes = 0;
  #copiedBytes = 0;

  constructor(options: TransferOptions, hasher: ContentHasher) {
    this.#options = options;
    this.#isFinished = new Uint8Array(options.tasks.length);
    const { writer, journal, onEvent } = options;
    const { finished, marks } = options.progress;
    let runBytes = 0;
    for (const { id, size } of options.tasks) if (!finished.has(id)) runBytes += size;
    this.#batch = new Batch({ signal: options.signal, singleFailures: SINGLE_FAILURES });
    const { signal } = this.#batch;
    const onFailure = (error: unknown) => this.#batch.end(error);
    this.#progress = new BlobProgress({
      ...{ journal, marks, onEvent },
      onMark: ({ places }, position) => {
        for (const place of places) writer.follow(place, position).catch(onFailure);
      },
      onUnmark: ({ places }) => {
        for (const place of places) writer.unfollow(place);
      },
    });
    this.#entries = new EntryBatch({ writer, journal, onFailure });
    const progress = this.#progress;
    const receiver = new BlobReceiver({ writer, hasher, progress, signal });
    this.#receiver = receiver;
    this.#fetcher = new BlobFetcher({ ...options, receiver, progress, runBytes, signal });
  }

  /** The failure that ended the run. */
  get fatal(): unknown {
    return this.#batch.fatal;
  }

  get result(): TransferResult {
    return {
      fetchedBytes: this.#progress.fetchedBytes,
      reusedBytes: this.#reusedBytes,
      copiedBytes: this.#copiedBytes,
      failures: this.#failures,
    };
  }

  /** Everything that is finished is written when it resolves. */
  async flush(): Promise<void> {
    await this.#entries.flush();
  }

  /** Copies what an earlier bundle has of the blobs, whole or their first bytes, and removes it. */
  async takeOver(content: PreviousContent): Promise<void> {
    const { tasks, writer, journal, progress } = this.#options;
    await takeOver(content, tasks, {
      sync: async () => {
        await this.flush();
        await writer.sync();
        journal.sync();
      },
      find: (task) => {
        if (this.#isFinished[task.id]) return undefined;
        const found = content.find(task.digest);
        const isOfUse =
          progress.finished.has(task.id) || this.#progress.markOf(task) < (found?.available ?? 0);
        return isOfUse ? found : undefined;
      },
      copy: (task, blob) => this.#copy(task, content, blob),
    });
  }

  async #copy(task: BlobTask, content: PreviousContent, blob: PreviousBlob): Promise<void> {
    // Hashed before the earlier bundle is cut off: a power cut may have cost the copy that the journal speaks of
    if (await this.#isInPlace(task)) return this.#finish(task, "reused");
    const end = Math.min(blob.available, task.size);
    const body = readableOf(end, (position, buffer) => content.read(blob, position, buffer));
    const isRight = await this.#receiver.receiveKept(task, FROM_FIRST_BYTE, body);
    if (end < task.size) return;
    if (isRight) await this.#finish(task, "reused");
    else this.#progress.forget(task);
  }

  async transfer(task: BlobTask): Promise<void> {
    if (this.#isFinished[task.id]) return;
    await this.#batch.attempt(
      () => this.#bring(task),
      (error) => {
        const images = this.#options.imagesWith(task.digest);
        const failure = toFailure(error, describeTask(task));
        this.#failures.push({ hint: FAILED_BLOB_HINT, ...failure, images });
      },
    );
  }

  async #bring(task: BlobTask): Promise<void> {
    if (await this.#isInPlace(task)) return this.#finish(task, "reused");
    if (await this.#fromCache(task)) {
      const isNew = this.#options.fetched.has(task.digest);
      if (isNew) this.#progress.setFetched(task, task.size);
      const isManifest = isManifestType(task.content.mediaType);
      const leave = isManifest ? undefined : () => this.#options.cache.release(task.digest);
      return await this.#finish(task, isNew ? "fetched" : "reused", leave);
    }
    await this.#begin(task);
    try {
      await this.#fetcher.fetch(task);
    } catch (error) {
      if (!isMirrorError(error, "CONTENT_MISMATCH")) throw error;
      const { digest, size } = task;
      this.#progress.setFetched(task, 0);
      this.#options.onEvent({ type: "blob-restarted", digest, bytes: size, reason: error.message });
      this.#progress.unmark(task);
      await this.#fetcher.fetch(task);
    }
    await this.#finish(task, "fetched", () => this.#options.cache.release(task.digest));
  }

  /** Writes what resolving has read of a blob before it had seen enough; the rest is fetched behind it. */
  async #begin(task: BlobTask): Promise<void> {
    if (task.size <= SMALL_BYTES || this.#progress.isMarked(task)) return;
    const begun = await this.#options.cache.begun(task);
    if (!begun) return;
    await this.#receiver.receiveKept(task, FROM_FIRST_BYTE, begun.open());
    if (this.#options.fetched.has(task.digest)) this.#progress.setFetched(task, begun.bytes);
  }

  /** Whether an earlier run wrote the blob to all its places; believed only after hashing it again. */
  async #isInPlace(task: BlobTask): Promise<boolean> {
    if (!this.#options.progress.finished.has(task.id)) return false;
    return await this.#receiver.isInPlace(task);
  }

  /** Layers that resolving had to read wait in the cache, as do all manifests. */
  async #fromCache(task: BlobTask): Promise<boolean> {
    const { cache } = this.#options;
    if ((await cache.keptFrom(task)) === undefined) return false;
    const start = await this.#receiver.startOf(task);
    const placed = () => this.#progress.markOf(task);
    const body = await cache.take(task, { offset: start.offset, placed });
    if (!body) {
      start.hash?.discard();
      return false;
    }
    if (await this.#receiver.receiveKept(task, start, body)) return true;
    this.#progress.forget(task);
    await cache.remove(task.digest);
    return false;
  }

  async #finish(
    task: BlobTask,
    outcome: "fetched" | "reused",
    leave: () => Promise<void> = async () => {},
  ): Promise<void> {
    const { writer, journal } = this.#options;
    const onWritten = async () => {
      this.#tellFinished(task, outcome);
      await leave();
    };
    this.#isFinished[task.id] = 1;
    const bytes = this.#receiver.takeWhole(task);
    if (bytes) return await this.#entries.add({ task, bytes, onWritten });
    for (const place of task.places) await writer.finishEntry(place);
    journal.finished(task.id);
    await onWritten();
  }

  #tellFinished(task: BlobTask, outcome: "fetched" | "reused"): void {
    const { digest, size, places } = task;
    // Also the beginning of a blob that an earlier run had written
    this.#reusedBytes += size - this.#progress.fetchedOf(task);
    this.#copiedBytes += size * (places.length - 1);
    this.#progress.settle(task);
    this.#options.onEvent({ type: "blob-finished", digest, size, outcome });
  }

  /** Writes what has come, also where the run has failed; nothing is written behind its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The run has told of this failure, or of the one that it ended with
    await this.flush().catch(() => undefined);
  }
}

function describeTask({ digest, content }: BlobTask): string {
  return formatReference({ ...content.origin, digest });
}
