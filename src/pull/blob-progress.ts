import { formatReference } from "../oci/reference.ts";
import type { PullJournal } from "./directory/pull-journal.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";
import type { PullEvent } from "./events.ts";

export interface BlobProgressOptions {
  readonly journal: PullJournal;
  /** What an earlier run has written. */
  readonly marks: ReadonlyMap<number, number>;
  readonly onEvent: (event: PullEvent) => void;
  /** Everything before `position` is written, as far as is known. */
  readonly onMark: (task: BlobTask, position: number) => void;
  /** What was marked is wrong somewhere. */
  readonly onUnmark: (task: BlobTask) => void;
}

/** How far each blob has come, for the journal and for who watches. */
export class BlobProgress {
  readonly #options: BlobProgressOptions;
  readonly #marks: Map<number, number>;
  /** Of blobs that are on their way, or have failed. */
  readonly #fetched = new Map<number, number>();
  #settledBytes = 0;

  constructor(options: BlobProgressOptions) {
    this.#options = options;
    this.#marks = new Map(options.marks);
  }

  /** Bytes from its first that are written, as far as is known. */
  markOf({ id, size }: BlobTask): number {
    return Math.min(this.#marks.get(id) ?? 0, size);
  }

  /** Also of one whose bytes were found to be wrong. */
  isMarked({ id }: BlobTask): boolean {
    return this.#marks.has(id);
  }

  /** Everything before `position` is written; of a whole blob the journal says that it is finished. */
  mark(task: BlobTask, position: number): void {
    const { id, size } = task;
    if (position >= size) return;
    this.#marks.set(id, position);
    this.#options.journal.mark(id, position);
    this.#options.onMark(task, position);
  }

  /** Others must not take for written what cannot be read back. */
  unmark(task: BlobTask): void {
    this.#marks.delete(task.id);
    this.#options.onUnmark(task);
  }

  /** What is on disk of a blob is wrong somewhere: nobody may go on behind it, not even a later run. */
  forget(task: BlobTask): void {
    this.unmark(task);
    this.#options.journal.mark(task.id, 0);
  }

  /** Bytes that this run has brought from the source. */
  fetchedOf({ id, size }: BlobTask): number {
    return Math.min(this.#fetched.get(id) ?? 0, size);
  }

  setFetched({ id }: BlobTask, bytes: number): void {
    this.#fetched.set(id, bytes);
  }

  /** The blob is in place: of many that are, no more is kept than a sum. */
  settle(task: BlobTask): void {
    this.#settledBytes += this.#fetched.get(task.id) ?? 0;
    this.#fetched.delete(task.id);
    this.#marks.delete(task.id);
  }

  get fetchedBytes(): number {
    return [...this.#fetched.values()].reduce((sum, bytes) => sum + bytes, this.#settledBytes);
  }

  tellStart({ digest, size, content, package: name }: BlobTask, offset: number): void {
    const origin = formatReference(content.origin);
    this.#options.onEvent({ type: "blob-started", digest, size, offset, package: name, origin });
  }

  tellBytes({ id, digest }: BlobTask, bytes: number): void {
    this.#fetched.set(id, (this.#fetched.get(id) ?? 0) + bytes);
    this.#options.onEvent({ type: "blob-progress", digest, bytes });
  }
}
