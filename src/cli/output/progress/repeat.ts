/** Calls back again and again; returns what stops it. */
export type Repeat = (intervalMs: number, callback: () => void) => () => void;

/** A timer that never keeps the program alive. */
export function repeat(intervalMs: number, callback: () => void): () => void {
  const timer = setInterval(callback, intervalMs).unref();
  return () => clearInterval(timer);
}
