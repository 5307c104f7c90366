import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pLimit from "p-limit";
import type { BundleWriter } from "../bundle/bundle-writer.ts";
import type { ContentCache } from "../cache/content-cache.ts";
import { type ErrorCode, MirrorError } from "../errors.ts";
import { type Failure, toFailure } from "../failure.ts";
import { BlockPool } from "../io/block-pool.ts";
import { SYSTEM_CLOCK } from "../io/clock.ts";
import { type ContentHash, ContentHasher } from "../io/content-hasher.ts";
import type { Digest } from "../oci/digest.ts";
import { isManifestType } from "../oci/media-type.ts";
import { formatReference } from "../oci/reference.ts";
import { option } from "../option.ts";
import { Batch } from "../run/batch.ts";
import type { OperationOptions } from "../store/store.ts";
import { BlobPlaces } from "./blob-places.ts";
import { BlobWriter } from "./blob-writer.ts";
import type { PullEvent } from "./events.ts";
import type { OpenBlobSource } from "./local-content.ts";
import { readableOf } from "./positional-stream.ts";
import type { PreviousBlob, PreviousContent } from "./previous-content.ts";
import type { PullJournal, PullProgress } from "./pull-journal.ts";
import { takeOver } from "./take-over.ts";
import type { BlobTask } from "./transfer-plan.ts";

export interface TransferOptions extends OperationOptions {
  readonly tasks: readonly BlobTask[];
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
  readonly onEvent: (event: PullEvent) => void;
}

export interface TransferResult {
  readonly fetchedBytes: number;
  /** Of blobs that are complete: what was not fetched. */
  readonly reusedBytes: number;
  readonly copiedBytes: number;
  readonly failures: readonly Failure[];
}

/** Blobs up to this size have a lane of their own, so that they never wait behind layers. */
const SMALL_BYTES = 1024 * 1024;

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
  const { tasks, concurrency, previous } = options;
  await using hasher = new ContentHasher();
  const run = new TransferRun(options, hasher);
  for (await using content of previous) await run.takeOver(content);
  const lanes = { small: pLimit(concurrency), large: pLimit(concurrency), kept: pLimit(1) };
  const kept = await findKept(options);
  const transfers = tasks.map((task) => {
    const large = kept.has(task.id) ? "kept" : "large";
    return lanes[task.size <= SMALL_BYTES ? "small" : large](() => run.transfer(task));
  });
  const settled = await Promise.allSettled(transfers);
  const fatal = run.fatal ?? settled.find((result) => result.status === "rejected")?.reason;
  if (fatal !== undefined) throw fatal;
  return run.result;
}

/** Large blobs that are moved here from the cache: one at a time, so that the disk holds little of them twice. */
async function findKept({ tasks, cache }: TransferOptions): Promise<ReadonlySet<number>> {
  const kept = new Set<number>();
  for (const task of tasks) {
    if (task.size > SMALL_BYTES && (await cache.keptFrom(task)) !== undefined) kept.add(task.id);
  }
  return kept;
}

class TransferRun {
  readonly #options: TransferOptions;
  readonly #places: BlobPlaces;
  readonly #batch: Batch;
  readonly #finished = new Set<number>();
  readonly #marks: Map<number, number>;
  readonly #failures: Failure[] = [];
  readonly #blocks: BlockPool = new BlockPool();
  /** Bytes of each blob that this run has brought from the source. */
  readonly #fetched = new Map<number, number>();
  #reusedBytes = 0;
  #copiedBytes = 0;

  constructor(options: TransferOptions, hasher: ContentHasher) {
    this.#options = options;
    this.#marks = new Map(options.progress.marks);
    const { signal, writer } = options;
    this.#batch = new Batch({ signal, singleFailures: SINGLE_FAILURES });
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
      fetchedBytes: [...this.#fetched.values()].reduce((sum, bytes) => sum + bytes, 0),
      reusedBytes: this.#reusedBytes,
      copiedBytes: this.#copiedBytes,
      failures: this.#failures,
    };
  }

  /** Copies what an earlier bundle has of the blobs, whole or their first bytes, and removes it. */
  async takeOver(content: PreviousContent): Promise<void> {
    const { tasks, writer, journal, progress } = this.#options;
    await takeOver(content, tasks, {
      writer,
      journal,
      find: ({ id, digest }) => {
        if (this.#finished.has(id)) return undefined;
        const found = content.find(digest);
        const isOfUse =
          progress.finished.has(id) || (this.#marks.get(id) ?? 0) < (found?.available ?? 0);
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
    else this.#forget(task);
  }

  async transfer(task: BlobTask): Promise<void> {
    if (this.#finished.has(task.id)) return;
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
      if (isNew) this.#fetched.set(task.id, task.size);
      await this.#finish(task, isNew ? "fetched" : "reused");
      if (!isManifestType(task.content.mediaType)) await this.#options.cache.release(task.digest);
      return;
    }
    await this.#begin(task);
    try {
      await this.#fetch(task);
    } catch (error) {
      if (!isMismatch(error)) throw error;
      const { digest, size } = task;
      this.#fetched.delete(task.id);
      this.#options.onEvent({ type: "blob-restarted", digest, bytes: size, reason: error.message });
      this.#marks.delete(task.id);
      await this.#fetch(task);
    }
    await this.#finish(task, "fetched");
    await this.#options.cache.release(task.digest);
  }

  /** Writes what resolving has read of a blob before it had seen enough; the rest is fetched behind it. */
  async #begin(task: BlobTask): Promise<void> {
    if (task.size <= SMALL_BYTES || this.#marks.has(task.id)) return;
    const begun = await this.#options.cache.begun(task);
    if (!begun) return;
    await this.#receive(task, 0, begun.open()).catch(falseIfMismatch);
    if (this.#options.fetched.has(task.digest)) this.#fetched.set(task.id, begun.bytes);
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
    const placed = () => this.#marks.get(task.id) ?? 0;
    const body = await cache.take(task, { offset, placed });
    if (!body) {
      kept?.discard();
      return false;
    }
    if (await this.#receive(task, offset, body, kept).then(isTrue, falseIfMismatch)) return true;
    this.#forget(task);
    await cache.remove(task.digest);
    return false;
  }

  /** What an earlier run, or this one, has written of the blob from its first byte, as far as it can be hashed. */
  async #keptBytes(task: BlobTask): Promise<{ kept: ContentHash | undefined; offset: number }> {
    const mark = Math.min(this.#marks.get(task.id) ?? 0, task.size);
    const kept = mark > 0 ? await this.#places.hashStart(task, mark) : undefined;
    // Others must not take for written what cannot be read back
    if (!kept) this.#marks.delete(task.id);
    return { kept, offset: kept ? mark : 0 };
  }

  async #fetch(task: BlobTask): Promise<void> {
    const { openSource, onEvent } = this.#options;
    const { digest, size, content } = task;
    const { kept, offset } = await this.#keptBytes(task);
    onEvent({
      type: "blob-started",
      digest,
      size,
      offset,
      package: task.package,
      origin: formatReference(content.origin),
    });
    const { mediaType, urls } = content;
    const target = { digest, size, mediaType, ...(urls ? { urls } : {}) };
    const body =
      offset === size
        ? Readable.from([])
        : await openSource(content.origin)
            .fetch(target, { offset, signal: this.#signal })
            .catch((error: unknown) => {
              kept?.discard();
              throw error;
            });
    try {
      await this.#receive(task, offset, body, kept, (bytes) => {
        this.#fetched.set(task.id, (this.#fetched.get(task.id) ?? 0) + bytes);
        onEvent({ type: "blob-progress", digest, bytes });
      });
    } catch (error) {
      if (isMismatch(error)) this.#forget(task);
      throw error;
    }
  }

  async #receive(
    task: BlobTask,
    offset: number,
    body: Readable,
    hash = this.#places.openHash(task),
    onProgress: (bytes: number) => void = () => {},
  ): Promise<void> {
    const { writer, journal } = this.#options;
    const onWritten = (position: number) => {
      this.#marks.set(task.id, position);
      journal.mark(task.id, position);
    };
    const blob = new BlobWriter({
      task,
      writer,
      offset,
      hash,
      blocks: this.#blocks,
      now: SYSTEM_CLOCK.now,
      onProgress,
      onWritten,
    });
    await pipeline(body, blob, { signal: this.#signal });
  }

  /** What is on disk of a blob is wrong somewhere: nobody may go on behind it, not even a later run. */
  #forget(task: BlobTask): void {
    this.#marks.delete(task.id);
    this.#options.journal.mark(task.id, 0);
  }

  async #finish(task: BlobTask, outcome: "fetched" | "reused"): Promise<void> {
    const { writer, journal, onEvent } = this.#options;
    for (const place of task.places) await writer.finishEntry(place);
    journal.finished(task.id);
    this.#finished.add(task.id);
    // Also the beginning of a blob that an earlier run had written
    this.#reusedBytes += task.size - Math.min(this.#fetched.get(task.id) ?? 0, task.size);
    this.#copiedBytes += task.size * (task.places.length - 1);
    onEvent({ type: "blob-finished", digest: task.digest, size: task.size, outcome });
  }
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
