import { RateMeter } from "./rate.ts";
import type { MirrorEvent } from "./renderer.ts";

export interface ProgressView {
  /** Until the work is planned: how many references were asked for, and the last of them. */
  readonly resolving?: Resolving;
  readonly doneBytes: number;
  /** 0 until the work is planned. */
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number;
  readonly running: readonly Transfer[];
}

export interface Resolving {
  readonly lookups: number;
  readonly reference: string;
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

export interface Transfer {
  readonly digest: string;
  /** Package or repository that the transfer is for. */
  readonly label: string;
  readonly size: number;
  readonly doneBytes: number;
}

interface Running {
  readonly label: string;
  readonly size: number;
  /** Where the transfer began in this run. */
  readonly first: number;
  position: number;
}

/** How far a run is, kept from its events. */
export class TransferProgress {
  readonly #now: () => number;
  /** Of resolving, then of the transfers. */
  #rate: RateMeter;
  readonly #running = new Map<string, Running>();
  /** Blobs of a push that are done: the second repository that needs one adds nothing. */
  readonly #settled = new Set<string>();
  #doneBytes = 0;
  #totalBytes = 0;
  #resolving: Omit<Resolving, "bytesPerSecond"> | undefined;

  constructor(now: () => number) {
    this.#now = now;
    this.#rate = new RateMeter(now);
  }

  apply(event: MirrorEvent): void {
    switch (event.type) {
      case "resolving":
        this.#resolving = {
          lookups: (this.#resolving?.lookups ?? 0) + 1,
          reference: event.reference,
          bytes: this.#resolving?.bytes ?? 0,
        };
        return;
      case "resolving-progress":
        this.#rate.add(event.bytes);
        if (this.#resolving !== undefined) {
          const bytes = this.#resolving.bytes + event.bytes;
          this.#resolving = { ...this.#resolving, bytes };
        }
        return;
      case "planned":
        this.#resolving = undefined;
        this.#rate = new RateMeter(this.#now);
        this.#totalBytes = event.fetchBytes;
        return;
      case "opened":
        this.#totalBytes = event.bytes;
        return;
      case "progress":
        this.#rate.add(event.bytes);
        this.#doneBytes += event.bytes;
        return;
      case "blob-started":
        this.#start(event);
        return;
      case "blob-progress":
        this.#rate.add(event.bytes);
        this.#moveBy(event.digest, event.bytes);
        return;
      case "blob-restarted":
        this.#moveBy(event.digest, -event.bytes);
        return;
      case "blob-finished":
        this.#finish(event);
        return;
      default:
    }
  }

  view(): ProgressView {
    const doneBytes = Math.min(Math.max(0, this.#doneBytes), this.#totalBytes);
    const bytesPerSecond = this.#rate.bytesPerSecond();
    const left = this.#totalBytes - doneBytes;
    return {
      ...(this.#resolving === undefined
        ? {}
        : { resolving: { ...this.#resolving, bytesPerSecond } }),
      doneBytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond,
      ...(bytesPerSecond > 0 && this.#rate.isSettled ? { secondsLeft: left / bytesPerSecond } : {}),
      running: [...this.#running].map(([digest, { label, size, position }]) => ({
        digest,
        label,
        size,
        doneBytes: position,
      })),
    };
  }

  #start(event: Extract<MirrorEvent, { type: "blob-started" }>): void {
    const { digest, size } = event;
    const offset = "offset" in event ? event.offset : 0;
    if (this.#running.has(digest)) {
      this.#moveTo(digest, offset);
      return;
    }
    this.#running.set(digest, { label: labelOf(event), size, first: offset, position: offset });
  }

  #moveBy(digest: string, bytes: number): void {
    this.#moveTo(digest, (this.#running.get(digest)?.position ?? 0) + bytes);
  }

  #moveTo(digest: string, position: number): void {
    const transfer = this.#running.get(digest);
    if (transfer === undefined) return;
    const reached = Math.min(transfer.size, Math.max(0, position));
    if (!this.#settled.has(digest)) this.#doneBytes += reached - transfer.position;
    transfer.position = reached;
  }

  #finish({ digest, size, outcome }: Extract<MirrorEvent, { type: "blob-finished" }>): void {
    const first = this.#running.get(digest)?.first ?? 0;
    // What is reused was never part of the bytes to fetch, nor was what resolving has fetched, which is not started here
    if (outcome === "failed" || outcome === "reused") this.#moveTo(digest, first);
    else if (this.#running.has(digest)) this.#moveTo(digest, size);
    else if (outcome !== "fetched" && !this.#settled.has(digest)) this.#doneBytes += size;
    this.#running.delete(digest);
    if (outcome !== "failed" && outcome !== "fetched" && outcome !== "reused") {
      this.#settled.add(digest);
    }
  }
}

/** All images by name are in one package: there, the repository tells more. */
function labelOf(event: Extract<MirrorEvent, { type: "blob-started" }>): string {
  if (!("package" in event)) return event.repository;
  return event.package === "images"
    ? event.origin.slice(event.origin.indexOf("/") + 1)
    : event.package;
}
