import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BundleWriter } from "../bundle/bundle-writer.ts";
import type { ContentCache } from "../cache/content-cache.ts";
import { type ErrorCode, MirrorError } from "../errors.ts";
import { type Failure, toFailure } from "../failure.ts";
import { BlockPool } from "../io/block-pool.ts";
import { SYSTEM_CLOCK } from "../io/clock.ts";
import { type ContentHash, ContentHasher } from "../io/content-hasher.ts";
import type { MadeList } from "../made-list.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { isManifestType } from "../oci/media-type.ts";
import { formatReference } from "../oci/reference.ts";
import { option } from "../option.ts";
import { Batch } from "../run/batch.ts";
import type { OperationOptions } from "../store/store.ts";
import { BlobPlaces } from "./blob-places.ts";
import { BlobProgress } from "./blob-progress.ts";
import { BlobWriter } from "./blob-writer.ts";
import type { OpenBlobSource } from "./directory/local-content.ts";
import type { PreviousBlob, PreviousContent } from "./directory/previous-content.ts";
import type { PullJournal, PullProgress } from "./directory/pull-journal.ts";
import { takeOver } from "./directory/take-over.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";
import { EntryBatch } from "./entry-batch.ts";
import type { PullEvent } from "./events.ts";
import { runLanes, SMALL_BYTES } from "./lanes.ts";
import { readableOf } from "./positional-stream.ts";
import { readWhole } from "./read-whole.ts";

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

/** Blobs up to this size are received whole and written many at a time. */
const WHOLE_BYTES = 64 * 1024;

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
  readonly #places: BlobPlaces;
  readonly #batch: Batch;
  /** By the number of the task. */
  readonly #isFinished: Uint8Array;
  readonly #progress: BlobProgress;
  readonly #failures: Failure[] = [];
  readonly #blocks: BlockPool = new BlockPool();
  readonly #entries: EntryBatch;
  /** Small blobs that have come and are right, by task. */
  readonly #whole = new Map<number, Buffer>();
  /** Of blobs that are not in place yet. */
  readonly #runBytes: number;
  #reusedBytes = 0;
  #copiedBytes = 0;

  constructor(options: TransferOptions, hasher: ContentHasher) {
    this.#options = options;
    this.#isFinished = new Uint8Array(options.tasks.length);
    let runBytes = 0;
    for (const { id, size } of options.tasks) {
      if (!options.progress.finished.has(id)) runBytes += size;
    }
    this.#runBytes = runBytes;
    const { signal, writer, journal, onEvent } = options;
    const { marks } = options.progress;
    this.#batch = new Batch({ signal, singleFailures: SINGLE_FAILURES });
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
    this.#places = new BlobPlaces({ writer, hasher, blocks: this.#blocks, signal: this.#signal });
  }

  /** The failure that ended the run. */
  get fatal(): unknown {
    return this.#batch.fatal;
  }

  get #signal(): AbortSignal {
    return this.#batch.signal;
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
    const isRight = await this.#receive(task, 0, body).then(isTrue, falseIfMismatch);
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
      await this.#fetch(task);
    } catch (error) {
      if (!isMismatch(error)) throw error;
      const { digest, size } = task;
      this.#progress.setFetched(task, 0);
      this.#options.onEvent({ type: "blob-restarted", digest, bytes: size, reason: error.message });
      this.#progress.unmark(task);
      await this.#fetch(task);
    }
    await this.#finish(task, "fetched", () => this.#options.cache.release(task.digest));
  }

  /** Writes what resolving has read of a blob before it had seen enough; the rest is fetched behind it. */
  async #begin(task: BlobTask): Promise<void> {
    if (task.size <= SMALL_BYTES || this.#progress.isMarked(task)) return;
    const begun = await this.#options.cache.begun(task);
    if (!begun) return;
    await this.#receive(task, 0, begun.open()).catch(falseIfMismatch);
    if (this.#options.fetched.has(task.digest)) this.#progress.setFetched(task, begun.bytes);
  }

  /** Whether an earlier run wrote the blob to all its places; believed only after hashing it again. */
  async #isInPlace(task: BlobTask): Promise<boolean> {
    if (!this.#options.progress.finished.has(task.id)) return false;
    const found = await this.#places.hashStart(task, task.size);
    return found !== undefined && task.digest.endsWith(`:${await found.digest()}`);
  }

  /** Layers that resolving had to read wait in the cache, as do all manifests. */
  async #fromCache(task: BlobTask): Promise<boolean> {
    const { cache } = this.#options;
    if ((await cache.keptFrom(task)) === undefined) return false;
    const { kept, offset } = await this.#keptBytes(task);
    const placed = () => this.#progress.markOf(task);
    const body = await cache.take(task, { offset, placed });
    if (!body) {
      kept?.discard();
      return false;
    }
    if (await this.#receive(task, offset, body, kept).then(isTrue, falseIfMismatch)) return true;
    this.#progress.forget(task);
    await cache.remove(task.digest);
    return false;
  }

  /** What an earlier run, or this one, has written of the blob from its first byte, as far as it can be hashed. */
  async #keptBytes(task: BlobTask): Promise<{ kept: ContentHash | undefined; offset: number }> {
    const mark = this.#progress.markOf(task);
    const kept = mark > 0 ? await this.#places.hashStart(task, mark) : undefined;
    if (!kept) this.#progress.unmark(task);
    return { kept, offset: kept ? mark : 0 };
  }

  async #fetch(task: BlobTask): Promise<void> {
    try {
      if (!(await this.#fetchElsewhere(task))) await this.#fetchHere(task);
    } catch (error) {
      if (isMismatch(error)) this.#progress.forget(task);
      throw error;
    }
  }

  /** Has the source write the blob itself, where it offers that. */
  async #fetchElsewhere(task: BlobTask): Promise<boolean> {
    if (task.size <= SMALL_BYTES) return false;
    const { openSource, writer } = this.#options;
    const places = task.places.map((place) => writer.partsOf(place));
    const fetching = openSource(task.content.origin).fetchInto?.(targetOf(task), places, {
      signal: this.#signal,
      runBytes: this.#runBytes,
      busyThreads: this.#options.busyThreads,
      keptBytes: this.#progress.markOf(task),
      onStart: (offset) => {
        if (offset === 0) this.#progress.unmark(task);
        this.#progress.tellStart(task, offset);
      },
      onProgress: (bytes) => this.#progress.tellBytes(task, bytes),
      onWritten: (position) => this.#progress.mark(task, position),
    });
    return (await fetching) ?? false;
  }

  async #fetchHere(task: BlobTask): Promise<void> {
    const { openSource } = this.#options;
    const { size, content } = task;
    const { kept, offset } = await this.#keptBytes(task);
    this.#progress.tellStart(task, offset);
    const body =
      offset === size
        ? Readable.from([])
        : await openSource(content.origin)
            .fetch(targetOf(task), { offset, signal: this.#signal })
            .catch((error: unknown) => {
              kept?.discard();
              throw error;
            });
    await this.#receive(task, offset, body, kept, (bytes) => this.#progress.tellBytes(task, bytes));
  }

  async #receive(
    task: BlobTask,
    offset: number,
    body: Readable,
    kept?: ContentHash,
    onProgress: (bytes: number) => void = () => {},
  ): Promise<void> {
    if (offset === 0 && task.size <= WHOLE_BYTES) {
      kept?.discard();
      const bytes = await readWhole(body, task, { signal: this.#signal, onProgress });
      this.#whole.set(task.id, bytes);
      return;
    }
    const { writer } = this.#options;
    const hash = kept ?? this.#places.openHash(task);
    const blob = new BlobWriter({
      task,
      writer,
      offset,
      hash,
      blocks: this.#blocks,
      now: SYSTEM_CLOCK.now,
      onProgress,
      onWritten: (position) => this.#progress.mark(task, position),
    });
    await pipeline(body, blob, { signal: this.#signal });
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
    const bytes = this.#whole.get(task.id);
    this.#whole.delete(task.id);
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

function targetOf({ digest, size, content: { mediaType, urls } }: BlobTask): Descriptor {
  return { digest, size, mediaType, ...(urls ? { urls } : {}) };
}

function describeTask({ digest, content }: BlobTask): string {
  return formatReference({ ...content.origin, digest });
}

function isMismatch(error: unknown): error is MirrorError {
  return error instanceof MirrorError && error.code === "CONTENT_MISMATCH";
}

function falseIfMismatch(error: unknown): false {
  if (isMismatch(error)) return false;
  throw error;
}

function isTrue(): boolean {
  return true;
}
