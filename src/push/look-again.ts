import type { Clock } from "../io/clock.ts";
import type { OperationOptions } from "../store/store.ts";

/** Before each further look at what was written and is not there: up to a minute. */
export const READ_BACK_WAITS_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

export interface LookAgainOptions extends OperationOptions {
  readonly clock: Pick<Clock, "sleep">;
  /** How long to wait before each further look. */
  readonly waitsMs: readonly number[];
}

/** Looks until something is there, or the waits are used up: what has just been written is not seen everywhere at once. */
export async function lookAgain<Found>(
  look: () => Promise<Found | undefined>,
  { clock, signal, waitsMs }: LookAgainOptions,
): Promise<Found | undefined> {
  for (const waitMs of waitsMs) {
    const found = await look();
    if (found !== undefined) return found;
    await clock.sleep(waitMs, signal);
  }
  return await look();
}
