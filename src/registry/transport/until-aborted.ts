/** Waits for work that others wait for as well: an abort ends only this wait, not the work. */
export async function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return await work;
  signal.throwIfAborted();
  return await new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const settle = () => signal.removeEventListener("abort", abort);
    work
      .then(resolve, reject)
      .finally(settle)
      .catch(() => undefined);
  });
}
