import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BundleWriter } from "../bundle/write/bundle-writer.ts";
import { isMirrorError } from "../errors.ts";
import { BlockPool } from "../io/block-pool.ts";
import { SYSTEM_CLOCK } from "../io/clock.ts";
import type { ContentHash, ContentHasher } from "../io/content-hasher.ts";
import { BlobPlaces } from "./blob-places.ts";
import type { BlobProgress } from "./blob-progress.ts";
import { BlobWriter } from "./blob-writer.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";
import { readWhole } from "./read-whole.ts";

export interface BlobReceiverOptions {
  readonly writer: BundleWriter;
  readonly hasher: ContentHasher;
  readonly progress: BlobProgress;
  readonly signal: AbortSignal;
}

/** What is written of a blob from its first byte, and its hash. */
export interface BlobStart {
  readonly offset: number;
  readonly hash: ContentHash | undefined;
}

/** Nothing is written. */
export const FROM_FIRST_BYTE: BlobStart = { offset: 0, hash: undefined };

/** Blobs up to this size are received whole and written many at a time. */
const WHOLE_BYTES = 64 * 1024;

/** Brings the bytes of bodies to the places of their blobs, and finds whether they are what the digests say. */
export class BlobReceiver {
  readonly #options: BlobReceiverOptions;
  readonly #places: BlobPlaces;
  readonly #blocks: BlockPool = new BlockPool();
  /** Small blobs that have come and are right, by task. */
  readonly #whole = new Map<number, Buffer>();

  constructor(options: BlobReceiverOptions) {
    this.#options = options;
    this.#places = new BlobPlaces({ ...options, blocks: this.#blocks });
  }

  /** Whether all places of a blob have it; read back and hashed. */
  async isInPlace(task: BlobTask): Promise<boolean> {
    const found = await this.#places.hashStart(task, task.size);
    return found !== undefined && task.digest.endsWith(`:${await found.digest()}`);
  }

  /** What an earlier run, or this one, has written of the blob, as far as it can be hashed. */
  async startOf(task: BlobTask): Promise<BlobStart> {
    const { progress } = this.#options;
    const mark = progress.markOf(task);
    const hash = mark > 0 ? await this.#places.hashStart(task, mark) : undefined;
    if (!hash) progress.unmark(task);
    return { hash, offset: hash ? mark : 0 };
  }

  /** Writes what comes behind a start. Rejects if the whole is not what the digest says; the start is used up in any case. */
  async receive(
    task: BlobTask,
    { offset, hash }: BlobStart,
    body: Readable,
    onProgress: (bytes: number) => void = () => {},
  ): Promise<void> {
    const { progress, signal, writer } = this.#options;
    if (offset === 0 && task.size <= WHOLE_BYTES) {
      hash?.discard();
      this.#whole.set(task.id, await readWhole(body, task, { signal, onProgress }));
      return;
    }
    const blob = new BlobWriter({
      task,
      writer,
      offset,
      hash: hash ?? this.#places.openHash(task),
      blocks: this.#blocks,
      now: SYSTEM_CLOCK.now,
      onProgress,
      onWritten: (position) => progress.mark(task, position),
    });
    await pipeline(body, blob, { signal });
  }

  /** The same of what lies on this machine: false where that is not what the digest says. */
  async receiveKept(task: BlobTask, start: BlobStart, body: Readable): Promise<boolean> {
    try {
      await this.receive(task, start, body);
      return true;
    } catch (error) {
      if (isMirrorError(error, "CONTENT_MISMATCH")) return false;
      throw error;
    }
  }

  /** The bytes of a small blob that has come and is not written yet. */
  takeWhole({ id }: BlobTask): Buffer | undefined {
    const bytes = this.#whole.get(id);
    this.#whole.delete(id);
    return bytes;
  }
}
