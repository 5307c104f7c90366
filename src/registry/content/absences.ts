/** Content up to this size is sent in less time than a registry takes to say whether it has it. */
const UNASKED_BYTES = 16 * 1024;
/** So many that were not there, one behind the other, and the next will hardly be. */
const ASKED_FIRST = 8;
/** Of those behind them, one of so many is asked for all the same. */
const ASKED_LATER = 16;

/**
 * What was not there in a repository. A push sends in the same order each time: what one that was interrupted has sent comes
 * first, and behind it nothing is there.
 */
export class Absences {
  #inARow = 0;
  #unasked = 0;

  note(isThere: boolean): void {
    this.#inARow = isThere ? 0 : this.#inARow + 1;
  }

  /** Whether it may be there often enough for the question to be worth its while. */
  isWorthAsking(bytes: number): boolean {
    if (bytes > UNASKED_BYTES || this.#inARow < ASKED_FIRST) return true;
    this.#unasked += 1;
    return this.#unasked % ASKED_LATER === 0;
  }
}
