import { untilAborted } from "../transport/until-aborted.ts";

/** Before the first answer one request goes ahead, so that one 401 teaches all that start together. */
export class Pilot {
  #hasArrived = false;
  #ahead: Promise<unknown> | undefined;

  /** Whether any request has been answered. */
  get hasArrived(): boolean {
    return this.#hasArrived;
  }

  lead<Answer>(exchange: () => Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
    return this.#hasArrived ? exchange() : this.#leadAhead(exchange, signal);
  }

  async #leadAhead<Answer>(
    exchange: () => Promise<Answer>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    while (this.#ahead && !this.#hasArrived) {
      const settled = this.#ahead.then(ignore, ignore);
      await untilAborted(settled, signal);
    }
    if (this.#hasArrived) return await exchange();
    const ahead = exchange();
    this.#ahead = ahead;
    try {
      const answer = await ahead;
      this.#hasArrived = true;
      return answer;
    } finally {
      this.#ahead = undefined;
    }
  }
}

function ignore(): void {}
