import { AppendLog, readAppendLog } from "../../io/append-log.ts";

/** What an earlier run says it has written. A hint, never a proof: it is hashed again before it is believed. */
export interface PullProgress {
  /** Tasks whose blob was complete. */
  readonly finished: ReadonlySet<number>;
  /** Bytes of a started blob that were written, from its first. */
  readonly marks: ReadonlyMap<number, number>;
}

/** One line of the journal: task `f` is finished, or `n` bytes of task `m` are written. */
type PullRecord = { readonly f: number } | { readonly m: number; readonly n: number };

export const NO_PROGRESS: PullProgress = { finished: new Set(), marks: new Map() };

export async function readPullJournal(path: string): Promise<PullProgress> {
  const finished = new Set<number>();
  const marks = new Map<number, number>();
  for (const record of (await readAppendLog(path)) as PullRecord[]) {
    if ("f" in record) finished.add(record.f);
    else marks.set(record.m, record.n);
  }
  return { finished, marks };
}

/** Appended while blobs are written; records never run ahead of the bytes they speak of. */
export class PullJournal implements Disposable {
  readonly #log: AppendLog;

  constructor(path: string) {
    this.#log = AppendLog.open(path);
  }

  finished(...tasks: readonly number[]): void {
    this.#log.append(...tasks.map((f) => ({ f }) satisfies PullRecord));
  }

  mark(task: number, bytes: number): void {
    this.#log.append({ m: task, n: bytes } satisfies PullRecord);
  }

  /** Makes all records durable. */
  sync(): void {
    this.#log.sync();
  }

  [Symbol.dispose](): void {
    this.#log[Symbol.dispose]();
  }
}
