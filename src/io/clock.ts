import { setTimeout as sleep } from "node:timers/promises";

/** Time and chance, replaceable so that tests of waiting take no time. */
export interface Clock {
  /** Milliseconds that only ever grow; not the time of day. */
  readonly now: () => number;
  /** Rejects with the reason of the signal when that is aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 to less than 1. */
  readonly random: () => number;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted();
    try {
      await sleep(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
  random: Math.random,
};
