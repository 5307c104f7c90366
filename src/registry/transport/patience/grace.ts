export interface Grace {
  /** Aborted some time after the signal it was made of; undefined without one. */
  readonly signal: AbortSignal | undefined;
  /** Tells that the work is getting on. */
  readonly moved: () => void;
  readonly close: () => void;
}

export interface GraceOptions {
  /** Longest time that work may go on after the abort. */
  readonly graceMs: number;
  /** Work that has not got on for this long is not waited for. */
  readonly idleMs: number;
}

/** Lets work that should not be torn go on for a moment after an abort, as long as it gets on. */
export function openGrace(
  signal: AbortSignal | undefined,
  { graceMs, idleMs }: GraceOptions,
): Grace {
  if (!signal) return { signal: undefined, moved: () => undefined, close: () => undefined };
  const controller = new AbortController();
  const end = () => controller.abort(signal.reason);
  const timers: { grace?: NodeJS.Timeout; idle?: NodeJS.Timeout } = {};
  let movedAt = performance.now();
  const begin = () => {
    timers.grace = setTimeout(end, graceMs);
    timers.idle = setTimeout(checkIdle, idleMs - (performance.now() - movedAt));
  };
  const checkIdle = () => {
    const left = idleMs - (performance.now() - movedAt);
    if (left <= 0) end();
    else timers.idle = setTimeout(checkIdle, left);
  };
  signal.addEventListener("abort", begin, { once: true });
  if (signal.aborted) begin();
  return {
    signal: controller.signal,
    moved: () => {
      movedAt = performance.now();
    },
    close: () => {
      clearTimeout(timers.grace);
      clearTimeout(timers.idle);
      signal.removeEventListener("abort", begin);
    },
  };
}
