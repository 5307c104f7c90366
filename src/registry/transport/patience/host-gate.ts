import type { Clock } from "../../../io/clock.ts";

/** Holds back every request to one host while that host asks to wait. */
export class HostGate {
  readonly #clock: Clock;
  #opensAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Closes the gate for at least this long from now. */
  closeFor(ms: number): void {
    this.#opensAt = Math.max(this.#opensAt, this.#clock.now() + ms);
  }

  get isClosed(): boolean {
    return this.#opensAt > this.#clock.now();
  }

  async pass(signal?: AbortSignal): Promise<void> {
    for (;;) {
      const wait = this.#opensAt - this.#clock.now();
      if (wait <= 0) return;
      await this.#clock.sleep(wait, signal);
    }
  }
}
