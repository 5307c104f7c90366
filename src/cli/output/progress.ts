import { RateMeter } from "./rate.ts";
import type { MirrorEvent } from "./renderer.ts";

export interface ProgressView {
  readonly doneBytes: number;
  /** 0 until the work is planned. */
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number;
  readonly running: readonly Transfer[];
}

export interface Transfer {
  readonly digest: string;
  /** Package or repository that the transfer is for. */
  readonly label: string;
  readonly size: number;
  readonly doneBytes: number;
}

/** How far a run is, kept from its events. */
export class TransferProgress {
  readonly #rate: RateMeter;
  readonly #running = new Map<
    string,
    { label: string; size: number; offset: number; done: number }
  >();
  /** Blobs of a push that count as done: the second repository that needs one adds nothing. */
  readonly #settled = new Set<string>();
  #doneBytes = 0;
  #totalBytes = 0;

  constructor(now: () => number) {
    this.#rate = new RateMeter(now);
  }

  apply(event: MirrorEvent): void {
    switch (event.type) {
      case "planned":
        this.#totalBytes = event.fetchBytes;
        return;
      case "opened":
        this.#totalBytes = event.bytes;
        return;
      case "blob-started":
        this.#running.set(event.digest, {
          label: "package" in event ? event.package : event.repository,
          size: event.size,
          offset: "offset" in event ? event.offset : 0,
          done: 0,
        });
        return;
      case "blob-progress":
        this.#move(event.digest, event.bytes);
        return;
      case "blob-restarted":
        this.#move(event.digest, -event.bytes);
        return;
      case "blob-finished":
        this.#finish(event.digest, event);
        return;
      default:
    }
  }

  view(): ProgressView {
    const doneBytes = Math.min(Math.max(0, this.#doneBytes), this.#totalBytes);
    const bytesPerSecond = this.#rate.bytesPerSecond();
    const left = this.#totalBytes - doneBytes;
    return {
      doneBytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond,
      ...(bytesPerSecond > 0 ? { secondsLeft: left / bytesPerSecond } : {}),
      running: [...this.#running].map(([digest, { label, size, offset, done }]) => ({
        digest,
        label,
        size,
        doneBytes: Math.min(size, Math.max(0, offset + done)),
      })),
    };
  }

  #move(digest: string, bytes: number): void {
    const transfer = this.#running.get(digest);
    if (transfer !== undefined) transfer.done += bytes;
    if (!this.#settled.has(digest)) this.#doneBytes += bytes;
    this.#rate.add(Math.max(0, bytes));
  }

  #finish(
    digest: string,
    { size, outcome }: { readonly size: number; readonly outcome: string },
  ): void {
    const done = this.#running.get(digest)?.done ?? 0;
    this.#running.delete(digest);
    if (this.#settled.has(digest)) return;
    if (outcome === "failed") this.#doneBytes -= done;
    if (outcome !== "mounted" && outcome !== "already-there" && outcome !== "uploaded") return;
    this.#settled.add(digest);
    this.#doneBytes += size - done;
  }
}
