/** Tells when nothing has happened for some time. What happens costs no timer of its own. */
export class IdleTimer {
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;
  #ms = 0;
  #touchedAt = 0;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  /** Waits for so long from now, in place of what it waited for before; 0: without end. */
  start(ms: number): void {
    this.stop();
    this.#ms = ms;
    this.touch();
    if (ms > 0) this.#wait(ms);
  }

  touch(): void {
    this.#touchedAt = performance.now();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      const left = this.#ms - (performance.now() - this.#touchedAt);
      if (left > 1) this.#wait(left);
      else this.#onIdle();
    }, ms);
  }
}
