/** Tells when nothing has happened for some time. What happens, and mostly a new beginning, costs no timer of its own. */
export class IdleTimer {
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;
  #firesAt = 0;
  /** 0: it is not waited. */
  #ms = 0;
  #touchedAt = 0;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  /** Waits for so long from now, in place of what it waited for before; 0: without end. */
  start(ms: number): void {
    this.#ms = ms;
    this.touch();
    // a timer that fires sooner waits for the rest
    if (ms === 0 || (this.#timer && this.#firesAt <= this.#touchedAt + ms)) return;
    clearTimeout(this.#timer);
    this.#wait(ms);
  }

  touch(): void {
    this.#touchedAt = performance.now();
  }

  /** Waits no more, until it is started again. */
  stop(): void {
    this.#ms = 0;
  }

  /** The same, and nothing is left of it that would keep a process. */
  end(): void {
    this.#ms = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    this.#firesAt = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#ms === 0) return;
      const left = this.#ms - (performance.now() - this.#touchedAt);
      if (left > 1) this.#wait(left);
      else this.#onIdle();
    }, ms);
  }
}
