import type { Writable } from "node:stream";
import type { MirrorEvent, Renderer } from "./renderer.ts";

/** Events of one transfer come no more often than this, however fast its bytes do. */
const INTERVAL_MS = 250;

export interface JsonRendererOptions {
  readonly events: Writable;
  readonly lines: Writable;
  readonly now?: () => number;
}

/** One event per line on stdout, each as it is, but that the progress of a transfer is told four times a second at most. */
export function createJsonRenderer({
  events,
  lines,
  now = Date.now,
}: JsonRendererOptions): Renderer {
  const write = (event: MirrorEvent) => {
    events.write(`${JSON.stringify(event)}\n`);
  };
  const progress = new SparseProgress(write, now);
  return {
    onEvent: (event) => {
      if (isProgress(event)) progress.add(event);
      else {
        if ("digest" in event) progress.flush(event.digest);
        else if (event.type === "planned") progress.flush("");
        write(event);
      }
    },
    onLine: (text) => {
      lines.write(`${text}\n`);
    },
    [Symbol.dispose]: () => progress.flushAll(),
  };
}

type ProgressEvent = Extract<
  MirrorEvent,
  { type: "blob-progress" | "progress" | "resolving-progress" }
>;

function isProgress(event: MirrorEvent): event is ProgressEvent {
  return ["blob-progress", "progress", "resolving-progress"].includes(event.type);
}

/** Adds up the bytes of a transfer until it is time to tell them. */
class SparseProgress {
  readonly #write: (event: MirrorEvent) => void;
  readonly #now: () => number;
  readonly #waiting = new Map<string, { event: ProgressEvent; toldAt: number }>();

  constructor(write: (event: MirrorEvent) => void, now: () => number) {
    this.#write = write;
    this.#now = now;
  }

  add(event: ProgressEvent): void {
    const key = "digest" in event ? event.digest : "";
    const waiting = this.#waiting.get(key);
    const bytes = event.bytes + (waiting?.event.bytes ?? 0);
    const toldAt = waiting?.toldAt ?? Number.NEGATIVE_INFINITY;
    this.#waiting.set(key, { event: { ...event, bytes }, toldAt });
    if (this.#now() - toldAt >= INTERVAL_MS) this.#tell(key);
  }

  /** Tells the rest of a transfer: something else is about to be said of it. */
  flush(key: string): void {
    this.#tell(key);
    this.#waiting.delete(key);
  }

  flushAll(): void {
    for (const key of this.#waiting.keys()) this.flush(key);
  }

  #tell(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || waiting.event.bytes === 0) return;
    this.#write(waiting.event);
    this.#waiting.set(key, { event: { ...waiting.event, bytes: 0 }, toldAt: this.#now() });
  }
}
