/** A secret and the time of day, in milliseconds, when it ends. */
export interface Expiring<T> {
  readonly value: T;
  readonly expiresAt: number;
}

export interface ExpiringCacheOptions<T> {
  readonly load: (key: string) => Promise<Expiring<T>>;
  readonly onFailure: (key: string, error: unknown) => void;
  readonly now: () => number;
}

/** A value is renewed this long before its end. */
const MARGIN_MS = 5 * 60_000;
/** A service that failed is left alone for this long. */
const EMBARGO_MS = 10 * 60_000;

/** Loads each key once, again before it ends or when asked to, and not at all for a while after a failure. */
export function createExpiringCache<T>({ load, onFailure, now }: ExpiringCacheOptions<T>) {
  const values = new Map<string, Promise<Expiring<T> | undefined>>();
  const failedAt = new Map<string, number>();
  const start = async (key: string): Promise<Expiring<T> | undefined> => {
    try {
      return await load(key);
    } catch (error) {
      failedAt.set(key, now());
      onFailure(key, error);
      return undefined;
    }
  };
  return async (key: string, { isRenewal = false } = {}): Promise<T | undefined> => {
    const failed = failedAt.get(key);
    if (failed !== undefined && now() - failed < EMBARGO_MS) return undefined;
    const known = await values.get(key);
    if (known && !isRenewal && known.expiresAt - now() > MARGIN_MS) return known.value;
    const pending = start(key);
    values.set(key, pending);
    return (await pending)?.value;
  };
}
