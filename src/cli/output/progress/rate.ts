const WINDOW_MS = 10_000;
const STEP_MS = 250;
/** The first buffers of several transfers say nothing about what comes. */
const SETTLED_MS = 3000;

/** Bytes per second over the last ten seconds, from the first byte on. */
export class RateMeter {
  readonly #now: () => number;
  #startedAt: number | undefined;
  #steps: { readonly at: number; bytes: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether it has been measured for long enough to foretell anything. */
  get isSettled(): boolean {
    return this.#startedAt !== undefined && this.#now() - this.#startedAt >= SETTLED_MS;
  }

  add(bytes: number): void {
    const at = this.#now();
    this.#startedAt ??= at;
    const last = this.#steps.at(-1);
    if (last !== undefined && at - last.at < STEP_MS) last.bytes += bytes;
    else this.#steps.push({ at, bytes });
    this.#forget(at);
  }

  bytesPerSecond(): number {
    const at = this.#now();
    this.#forget(at);
    const bytes = this.#steps.reduce((sum, step) => sum + step.bytes, 0);
    const elapsed = Math.min(WINDOW_MS, Math.max(1000, at - (this.#startedAt ?? at)));
    return Math.max(0, bytes) / (elapsed / 1000);
  }

  #forget(at: number): void {
    const first = this.#steps[0];
    if (first === undefined || at - first.at <= WINDOW_MS) return;
    this.#steps = this.#steps.filter((step) => at - step.at <= WINDOW_MS);
  }
}
