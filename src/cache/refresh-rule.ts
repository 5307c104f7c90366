/** When something that may change was looked at, and when it is worth another look. */
export interface Refresh {
  /** Time of the day in milliseconds. */
  readonly checkedAt: number;
  /** The registry is asked again when so much time has passed. */
  readonly intervalMs: number;
}

export const FIRST_REFRESH_MS = 3_600_000;
/** Of what is left out for what it is. */
export const EXCLUDED_REFRESH_MS = 24 * 3_600_000;

const SHORTEST_MS = 5 * 60_000;
const LONGEST_MS = 7 * 24 * 3_600_000;

/**
 * The time until the next look doubles when nothing has changed and halves when something has, between five minutes and a
 * week; a first interval beyond these bounds widens them.
 */
export function nextInterval(
  intervalMs: number,
  { hasChanged, firstMs }: { readonly hasChanged: boolean; readonly firstMs: number },
): number {
  return hasChanged
    ? Math.max(intervalMs / 2, Math.min(SHORTEST_MS, firstMs))
    : Math.min(intervalMs * 2, Math.max(LONGEST_MS, firstMs));
}

export function isFresh({ checkedAt, intervalMs }: Refresh, now: number): boolean {
  // A clock that was set back makes nothing fresh for ever
  return now >= checkedAt && now < checkedAt + intervalMs;
}
