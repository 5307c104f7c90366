import type { HttpRequest, HttpResponse, SendRequest } from "../http.ts";
import { untilAborted } from "../until-aborted.ts";

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
    if (!line.enters()) await line.wait(request.signal);
    const leave = line.leaveOnce();
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

  /** Whether there is room now; then it is taken. */
  enters(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /** Gives what ends a stay. */
  leaveOnce(): () => void {
    let isHere = true;
    return () => {
      if (isHere) this.#next();
      isHere = false;
    };
  }

  /** Enters when somebody leaves. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
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
