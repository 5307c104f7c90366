export interface FakeClock {
  /** Milliseconds since the epoch, moved by `sleep` and `advance` only. */
  now(): number;
  /** Returns at once and moves the clock. */
  sleep(ms: number, ...rest: readonly unknown[]): Promise<void>;
  /** Numbers in [0, 1): the ones given, over and over. */
  random(): number;
  advance(ms: number): void;
  /** What has been slept so far, in milliseconds. */
  readonly sleeps: readonly number[];
}

export interface FakeClockOptions {
  readonly start?: number | undefined;
  readonly randoms?: readonly number[] | undefined;
}

export function createFakeClock(options: FakeClockOptions = {}): FakeClock {
  const { randoms = [0.5], start = Date.UTC(2026, 0, 1) } = options;
  const sleeps: number[] = [];
  let time = start;
  let drawn = 0;
  return {
    now: () => time,
    async sleep(ms) {
      sleeps.push(ms);
      time += ms;
    },
    random: () => randoms[drawn++ % randoms.length] ?? 0.5,
    advance: (ms) => {
      time += ms;
    },
    sleeps,
  };
}
