import type { Hash } from "node:crypto";
import { Writable } from "node:stream";
import type { BundleWriter, EntryPlace } from "../bundle/bundle-writer.ts";
import { checkContent } from "../io/verify-stream.ts";
import { ContentMismatchError } from "../oci/errors.ts";
import type { BlobTask } from "./transfer-plan.ts";

export interface BlobWriterOptions {
  readonly task: BlobTask;
  readonly writer: BundleWriter;
  /** Bytes that are there already; `hash` has seen them. */
  readonly offset: number;
  readonly hash: Hash;
  readonly onProgress: (bytes: number) => void;
  /** Everything before `position` is written. */
  readonly onWritten: (position: number) => void;
}

/** Bytes per write: large enough for the disk, and at most this is fetched again after a kill. */
const WRITE_BYTES = 1024 * 1024;

/** Writes of one blob that may be under way while more bytes arrive. */
const WRITES_AHEAD = 2;

/** Hashes the bytes of one blob and writes them at all its places; fails at the end if the digest is not right. */
export class BlobWriter extends Writable {
  readonly #options: BlobWriterOptions;
  #buffers: Buffer[] = [];
  #buffered = 0;
  #received: number;
  #underWay: Promise<void>[] = [];

  constructor(options: BlobWriterOptions) {
    super({ highWaterMark: WRITE_BYTES, decodeStrings: false });
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
      this.#received += chunk.length;
      if (this.#received > task.size) {
        done(new ContentMismatchError(task.digest, `it is longer than ${task.size} bytes`));
        return;
      }
      hash.update(chunk);
      this.#buffers.push(chunk);
      this.#buffered += chunk.length;
      onProgress(chunk.length);
    }
    if (this.#buffered < WRITE_BYTES) {
      done();
      return;
    }
    this.#flush();
    if (this.#underWay.length <= WRITES_AHEAD) done();
    else this.#underWay[0]?.then(() => done(), done);
  }

  #flush(): void {
    const { task, writer, onWritten } = this.#options;
    const position = this.#received - this.#buffered;
    const buffers = this.#buffers;
    const end = this.#received;
    this.#buffers = [];
    this.#buffered = 0;
    const places: readonly EntryPlace[] = task.places;
    const before = this.#underWay.at(-1);
    const write = Promise.all([
      before,
      ...places.map((place) => writer.write(place, position, buffers)),
    ]).then(() => {
      void this.#underWay.shift();
      if (end < task.size) onWritten(end);
    });
    // Seen by the next `write` or by `final`
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
