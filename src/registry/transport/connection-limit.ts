import type { HttpRequest, HttpResponse, SendRequest } from "./http.ts";
import { untilAborted } from "./until-aborted.ts";

/**
 * Limits the exchanges with one origin that are under way at a time, whichever thread sends them: each needs a connection
 * of its own. `originOf` tells who is connected to.
 */
export function limitExchanges(
  limit: number,
  { send, originOf }: { readonly send: SendRequest; readonly originOf: (url: URL) => string },
): SendRequest {
  const lines = new Map<string, Line>();
  return async (request: HttpRequest): Promise<HttpResponse> => {
    const origin = originOf(request.url);
    const line = lines.get(origin) ?? new Line(limit);
    lines.set(origin, line);
    const leave = await line.enter(request.signal);
    const onEnd: HttpRequest["onEnd"] = (record) => {
      leave();
      request.onEnd?.(record);
    };
    try {
      return await send({ ...request, onEnd });
    } catch (error) {
      leave();
      throw error;
    }
  };
}

class Line {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Gives what ends the stay. */
  async enter(signal: AbortSignal | undefined): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    let isHere = true;
    return () => {
      if (isHere) this.#next();
      isHere = false;
    };
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    let admit = () => {};
    const turn = new Promise<void>((resolve) => {
      admit = resolve;
    });
    this.#waiting.add(admit);
    try {
      await untilAborted(turn, signal);
    } catch (error) {
      // its turn may have come in the same moment
      if (!this.#waiting.delete(admit)) this.#next();
      throw error;
    }
  }

  #next(): void {
    const [admit] = this.#waiting;
    if (admit === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(admit);
    admit();
  }
}
