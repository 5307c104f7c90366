import { Writable } from "node:stream";
import type { BundleWriter } from "../bundle/write/bundle-writer.ts";
import { type BlockPool, WRITE_BLOCK_BYTES } from "../io/block-pool.ts";
import type { ContentHash } from "../io/content-hasher.ts";
import { recycleReadBuffer } from "../io/read-buffers.ts";
import { checkContent } from "../io/verify-stream.ts";
import { ContentMismatchError } from "../oci/errors.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";

export interface BlobWriterOptions {
  readonly task: BlobTask;
  readonly writer: BundleWriter;
  /** Bytes that are there already; `hash` has seen them. */
  readonly offset: number;
  readonly hash: ContentHash;
  readonly blocks: BlockPool;
  /** Milliseconds that only ever grow. */
  readonly now: () => number;
  readonly onProgress: (bytes: number) => void;
  /** Everything before `position` is written. */
  readonly onWritten: (position: number) => void;
}

/** Bytes that may wait to be taken; what is taken is copied into blocks of its own. */
const RECEIVE_BYTES = 256 * 1024;

/** On a slow line, what has come is written after this time also where it does not fill a block: a kill costs no more. */
const WRITE_AFTER_MS = 500;

/** Writes of one blob that may be under way while more bytes arrive. */
const WRITES_AHEAD = 2;

/** Writes the bytes of one blob at all its places and hashes them; fails at the end if the digest is not right. */
export class BlobWriter extends Writable {
  readonly #options: BlobWriterOptions;
  #block: Buffer | undefined;
  #buffered = 0;
  #received: number;
  #flushedAt: number;
  /** When everything before is at all places. */
  #written: Promise<void> = Promise.resolve();
  /** Blocks that are being written or hashed. */
  readonly #underWay: Promise<void>[] = [];

  constructor(options: BlobWriterOptions) {
    super({ highWaterMark: RECEIVE_BYTES, decodeStrings: false });
    this.#options = options;
    this.#received = options.offset;
    this.#flushedAt = options.now();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#take([chunk], done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  #take(chunks: readonly Buffer[], done: (error?: Error | null) => void): void {
    const { task, onProgress } = this.#options;
    for (const chunk of chunks) {
      if (this.#received + chunk.length > task.size) {
        done(new ContentMismatchError(task.digest, `it is longer than ${task.size} bytes`));
        return;
      }
      this.#keep(chunk);
      onProgress(chunk.length);
      recycleReadBuffer(chunk);
    }
    const isDue = this.#options.now() - this.#flushedAt >= WRITE_AFTER_MS;
    if (isDue && this.#buffered > 0 && this.#underWay.length < WRITES_AHEAD) this.#flush();
    const [oldest] = this.#underWay;
    if (oldest === undefined || this.#underWay.length < WRITES_AHEAD) done();
    else oldest.then(() => done(), done);
  }

  /** Copies a chunk into the block that is written next: its own memory is wanted for the next read. */
  #keep(chunk: Buffer): void {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + WRITE_BLOCK_BYTES - this.#buffered);
      this.#block ??= this.#options.blocks.take();
      part.copy(this.#block, this.#buffered);
      taken += part.length;
      this.#buffered += part.length;
      this.#received += part.length;
      if (this.#buffered === WRITE_BLOCK_BYTES) this.#flush();
    }
  }

  #flush(): void {
    const { task, writer, hash, onWritten, blocks } = this.#options;
    const block = this.#block;
    if (block === undefined) return;
    this.#flushedAt = this.#options.now();
    const bytes = block.subarray(0, this.#buffered);
    const end = this.#received;
    const position = end - this.#buffered;
    this.#block = undefined;
    this.#buffered = 0;
    const writes = task.places.map((place) => writer.write(place, position, [bytes]));
    this.#written = Promise.all([this.#written, ...writes]).then(() => {
      if (end < task.size) onWritten(end);
    });
    const done = this.#written.then(async () => {
      blocks.giveBack(await hash.update(bytes));
      void this.#underWay.shift();
    });
    // Seen by the next block or by the end
    done.catch(() => {});
    this.#underWay.push(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#buffered > 0) this.#flush();
    this.#check().then(done, done);
  }

  async #check(): Promise<Error | null> {
    const { task, hash } = this.#options;
    await this.#underWay.at(-1);
    return checkContent(task, this.#received, await hash.digest());
  }

  /** A transfer that is broken off keeps what has arrived: the next one goes on behind it. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#options.hash.discard();
    if (error && this.#buffered > 0) this.#flush();
    void Promise.allSettled([this.#written, ...this.#underWay]).then(() => done(error));
  }
}
