import { headerOf, type ResponseHeaders } from "../headers.ts";

/** How many requests a registry still answers, as it says with its answers. */
export interface Quota {
  readonly remaining: number;
  /** In a window; missing: it does not say. */
  readonly limit?: number | undefined;
  readonly windowMs?: number | undefined;
  /** From now until there are more. */
  readonly resetMs?: number | undefined;
}

/** A week: what is longer is a mistake. */
const LONGEST_MS = 7 * 24 * 3_600_000;

/**
 * `RateLimit-Limit: 100;w=21600` and `RateLimit-Remaining: 76;w=21600` of Docker Hub, `RateLimit-Reset: 50` of the drafts of
 * the IETF, and the same with `X-`. Undefined: nothing is said of what remains.
 */
export function quotaOf(headers: ResponseHeaders): Quota | undefined {
  const read = (name: string) =>
    parseField(headerOf(headers, `ratelimit-${name}`) ?? headerOf(headers, `x-ratelimit-${name}`));
  const remaining = read("remaining");
  if (remaining === undefined) return undefined;
  const limit = read("limit");
  const reset = read("reset");
  const windowMs = remaining.windowMs ?? limit?.windowMs;
  // Some say when, as a time of the day
  const resetMs = reset && reset.value * 1000 <= LONGEST_MS ? reset.value * 1000 : undefined;
  return {
    remaining: remaining.value,
    ...(limit === undefined ? {} : { limit: limit.value }),
    ...(windowMs === undefined ? {} : { windowMs }),
    ...(resetMs === undefined ? {} : { resetMs }),
  };
}

/** How long it takes until one more request is answered; undefined: nobody says. */
export function refillMsOf({ limit, resetMs, windowMs }: Quota): number | undefined {
  if (resetMs !== undefined) return resetMs;
  return limit && windowMs ? Math.ceil(windowMs / limit) : undefined;
}

function parseField(
  text: string | undefined,
): { readonly value: number; readonly windowMs?: number } | undefined {
  const [, digits, rest = ""] = /^\s*(\d{1,12})\s*(?:[;,](.*))?$/.exec(text ?? "") ?? [];
  if (digits === undefined) return undefined;
  const [, seconds] = /(?:^|;)\s*w=(\d{1,9})/.exec(rest) ?? [];
  const windowMs = Number(seconds) * 1000;
  return { value: Number(digits), ...(windowMs > 0 && windowMs <= LONGEST_MS ? { windowMs } : {}) };
}
