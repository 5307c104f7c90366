/** Numbers in [0, 1) that the seed decides (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seeds of the rounds of a test, one after the other; `CRASH_ROUNDS=500` asks for a long run. */
export function seedsFrom(first: number, rounds: number): number[] {
  const wanted = Number(process.env["CRASH_ROUNDS"] ?? rounds);
  return Array.from({ length: wanted }, (_, position) => first + position);
}

/** A whole number from 0 to below `limit`. */
export function integerBelow(limit: number, random: () => number): number {
  return Math.floor(random() * limit);
}
