import type { Clock } from "../../src/io/clock.ts";

export interface FakeClock extends Clock {
  /** What has been slept so far, in milliseconds. */
  readonly sleeps: readonly number[];
  readonly advance: (ms: number) => void;
}

export interface FakeClockOptions {
  readonly start?: number | undefined;
  /** What `random` gives, over and over; default 0.5. */
  readonly randoms?: readonly number[] | undefined;
}

/** A clock that only `sleep` and `advance` move; `sleep` returns at once. */
export function createFakeClock(options: FakeClockOptions = {}): FakeClock {
  const { randoms = [0.5], start = Date.UTC(2026, 0, 1) } = options;
  const sleeps: number[] = [];
  let time = start;
  let drawn = 0;
  return {
    now: () => time,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      sleeps.push(ms);
      time += ms;
    },
    random: () => randoms[drawn++ % randoms.length] ?? 0.5,
    sleeps,
    advance: (ms) => {
      time += ms;
    },
  };
}
