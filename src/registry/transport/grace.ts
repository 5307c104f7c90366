export interface Grace {
  /** Aborted some time after the signal it was made of; undefined without one. */
  readonly signal: AbortSignal | undefined;
  readonly close: () => void;
}

/** Lets work that should not be torn go on for a moment after an abort. */
export function openGrace(signal: AbortSignal | undefined, graceMs: number): Grace {
  if (!signal) return { signal: undefined, close: () => undefined };
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    timer = setTimeout(() => controller.abort(signal.reason), graceMs);
  };
  signal.addEventListener("abort", begin, { once: true });
  if (signal.aborted) begin();
  return {
    signal: controller.signal,
    close: () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", begin);
    },
  };
}
