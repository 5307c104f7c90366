import type { BundleWriter } from "../bundle/write/bundle-writer.ts";
import type { PullJournal } from "./directory/pull-journal.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";

/** A blob that was received whole and has its digest. */
export interface ReceivedBlob {
  readonly task: BlobTask;
  readonly bytes: Buffer;
  /** Called when it is at all its places and in the journal. */
  readonly onWritten: () => Promise<void>;
}

export interface EntryBatchOptions {
  readonly writer: BundleWriter;
  readonly journal: PullJournal;
  /** A write failed for which nobody waits. */
  readonly onFailure: (error: unknown) => void;
}

/** What waits for its write: no more than a kill may cost, and enough that the price of a write is that of many blobs. */
const WAITING_BLOBS = 128;
const WAITING_BYTES = 512 * 1024;
const WAITING_MS = 250;

/** Writes small blobs many at a time: what lies side by side in one piece, all of them with one entry in the journal. */
export class EntryBatch {
  readonly #options: EntryBatchOptions;
  #waiting: ReceivedBlob[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(options: EntryBatchOptions) {
    this.#options = options;
  }

  /** Resolves at once, or when the disk has kept up; the blob is written soon in any case. */
  async add(blob: ReceivedBlob): Promise<void> {
    this.#waiting.push(blob);
    this.#waitingBytes += blob.bytes.length;
    if (this.#waiting.length >= WAITING_BLOBS || this.#waitingBytes >= WAITING_BYTES) {
      await this.flush();
    }
    if (this.#waiting.length === 0) return;
    this.#timer ??= setTimeout(() => this.flush().catch(this.#options.onFailure), WAITING_MS);
  }

  /** Everything that was added is written when it resolves. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const blobs = this.#waiting;
    if (blobs.length === 0) return this.#written;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const writing = this.#written.then(() => this.#write(blobs));
    // The next one fails with it: what is in the journal has no gap that nobody was told of
    this.#written = writing;
    writing.catch(() => undefined);
    return writing;
  }

  async #write(blobs: readonly ReceivedBlob[]): Promise<void> {
    const { writer, journal } = this.#options;
    await writer.writeEntries(
      blobs.flatMap(({ task, bytes }) => task.places.map((place) => ({ place, bytes }))),
    );
    journal.finished(...blobs.map(({ task }) => task.id));
    for (const { onWritten } of blobs) await onWritten();
  }
}
