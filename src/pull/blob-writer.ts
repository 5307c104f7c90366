import type { Hash } from "node:crypto";
import { Writable } from "node:stream";
import type { BundleWriter } from "../bundle/bundle-writer.ts";
import { recycleReadBuffer } from "../io/read-buffers.ts";
import { checkContent } from "../io/verify-stream.ts";
import { ContentMismatchError } from "../oci/errors.ts";
import type { BlobTask } from "./transfer-plan.ts";

export interface BlobWriterOptions {
  readonly task: BlobTask;
  readonly writer: BundleWriter;
  /** Bytes that are there already; `hash` has seen them. */
  readonly offset: number;
  readonly hash: Hash;
  /** Memory for blocks, shared by all transfers of a run and used again and again. */
  readonly freeBlocks: Buffer[];
  readonly onProgress: (bytes: number) => void;
  /** Everything before `position` is written. */
  readonly onWritten: (position: number) => void;
}

/** Bytes per write: large enough for the disk, and at most this is fetched again after a kill. */
const WRITE_BYTES = 1024 * 1024;

/** Bytes that may wait to be taken; what is taken is copied into blocks of its own. */
const RECEIVE_BYTES = 256 * 1024;

/** Writes of one blob that may be under way while more bytes arrive. */
const WRITES_AHEAD = 2;

/** Hashes the bytes of one blob and writes them at all its places; fails at the end if the digest is not right. */
export class BlobWriter extends Writable {
  readonly #options: BlobWriterOptions;
  #block: Buffer | undefined;
  #buffered = 0;
  #received: number;
  #underWay: Promise<void>[] = [];

  constructor(options: BlobWriterOptions) {
    super({ highWaterMark: RECEIVE_BYTES, decodeStrings: false });
    this.#options = options;
    this.#received = options.offset;
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
    const { task, hash, onProgress } = this.#options;
    for (const chunk of chunks) {
      if (this.#received + chunk.length > task.size) {
        done(new ContentMismatchError(task.digest, `it is longer than ${task.size} bytes`));
        return;
      }
      hash.update(chunk);
      this.#keep(chunk);
      onProgress(chunk.length);
      recycleReadBuffer(chunk);
    }
    const [oldest] = this.#underWay;
    if (oldest === undefined || this.#underWay.length < WRITES_AHEAD) done();
    else oldest.then(() => done(), done);
  }

  /** Copies a chunk into the block that is written next: its own memory is wanted for the next read. */
  #keep(chunk: Buffer): void {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + WRITE_BYTES - this.#buffered);
      this.#block ??= this.#options.freeBlocks.pop() ?? Buffer.allocUnsafeSlow(WRITE_BYTES);
      part.copy(this.#block, this.#buffered);
      taken += part.length;
      this.#buffered += part.length;
      this.#received += part.length;
      if (this.#buffered === WRITE_BYTES) this.#flush();
    }
  }

  #flush(): void {
    const { task, writer, onWritten, freeBlocks } = this.#options;
    const block = this.#block;
    if (block === undefined) return;
    const bytes = block.subarray(0, this.#buffered);
    const end = this.#received;
    const position = end - this.#buffered;
    this.#block = undefined;
    this.#buffered = 0;
    const before = this.#underWay.at(-1);
    const write = Promise.all([
      before,
      ...task.places.map((place) => writer.write(place, position, [bytes])),
    ]).then(() => {
      void this.#underWay.shift();
      freeBlocks.push(block);
      if (end < task.size) onWritten(end);
    });
    // Seen by the next write or by the end
    write.catch(() => {});
    this.#underWay.push(write);
  }

  override _final(done: (error?: Error | null) => void): void {
    const { task, hash } = this.#options;
    if (this.#buffered > 0) this.#flush();
    const written = this.#underWay.at(-1) ?? Promise.resolve();
    written.then(() => done(checkContent(task, this.#received, hash.digest("hex"))), done);
  }

  /** A transfer that is broken off keeps what has arrived: the next one goes on behind it. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error && this.#buffered > 0) this.#flush();
    void Promise.allSettled(this.#underWay).then(() => done(error));
  }
}
