import type { ServeEvent } from "./serve-event.ts";

/** What clients were given since the start, by where it came from. */
export interface CacheUsage {
  readonly requests: number;
  readonly bytes: number;
  /** Of these, what an upstream was asked for. */
  readonly missedRequests: number;
  readonly missedBytes: number;
}

/** Counts what passes through a cache; what comes from bundles, and what was pushed, is in none. */
export class CacheUsageCounter {
  #usage: CacheUsage = { requests: 0, bytes: 0, missedRequests: 0, missedBytes: 0 };

  get usage(): CacheUsage {
    return this.#usage;
  }

  note(event: ServeEvent): void {
    if (event.type !== "request-answered" || event.cache === undefined) return;
    if (event.cache === "pushed") return;
    const { bytes, missedBytes, missedRequests, requests } = this.#usage;
    const isMissed = event.cache === "miss";
    this.#usage = {
      requests: requests + 1,
      bytes: bytes + event.bytes,
      missedRequests: missedRequests + (isMissed ? 1 : 0),
      missedBytes: missedBytes + (isMissed ? event.bytes : 0),
    };
  }
}
