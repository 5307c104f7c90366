import type { Readable } from "node:stream";

interface WatchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly stallTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly onSent?: ((bytes: number) => void) | undefined;
}

export interface UploadWatch {
  /** Aborted with the caller's signal, or with an error of code `STALLED`. */
  readonly signal: AbortSignal;
  readonly stop: () => void;
}

/**
 * Watches a request body on its way out. It may pause for `stallTimeoutMs`; once it is sent, the answer may take
 * `answerTimeoutMs`, since registries commit large blobs slowly. Time in the queue for a connection does not count.
 */
export function watchUpload(body: Readable, options: WatchOptions): UploadWatch {
  const controller = new AbortController();
  const { signal, stallTimeoutMs, answerTimeoutMs, onSent } = options;
  const giveUp = () => controller.abort(stalled());
  const forward = () => controller.abort(signal?.reason);
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, ms);
  };
  // paused first: a data listener must not start the flow before the connection is there
  body.pause();
  body.on("data", (chunk: Buffer) => {
    if (timer) timer.refresh();
    else wait(stallTimeoutMs);
    onSent?.(chunk.length);
  });
  body.once("end", () => wait(answerTimeoutMs));
  signal?.addEventListener("abort", forward, { once: true });
  if (signal?.aborted) forward();
  return {
    signal: controller.signal,
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
      signal?.removeEventListener("abort", forward);
    },
  };
}

function stalled(): NodeJS.ErrnoException {
  return Object.assign(new Error("The connection does not take or answer data"), {
    code: "STALLED",
  });
}
