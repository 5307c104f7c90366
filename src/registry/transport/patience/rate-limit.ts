import type { Clock } from "../../../io/clock.ts";

export interface RateLimitOptions {
  readonly clock: Clock;
  /** Configured requests a second; unlimited if missing, until the server objects. */
  readonly requestsPerSecond?: number | undefined;
  /** Requests that may be sent at once after a pause; default 10. */
  readonly burst?: number | undefined;
  readonly onLimited?: ((requestsPerSecond: number) => void) | undefined;
}

const BURST = 10;
const FLOOR_PER_SECOND = 0.1;
/** The limit does not rise again before this has passed since the server last objected. */
const RECOVERY_AFTER_MS = 1_200_000;
const RECOVERY_STEP_MS = 60_000;
const RECOVERY_FACTOR = 1.5;
/** Requests are counted over this long to know the rate that was too high. */
const MEASURED_MS = 10_000;
/** A few slow requests do not show what a server could take. */
const MEASURED_FLOOR_PER_SECOND = 2;

/** Token bucket of one host. A 429 halves the rate once per incident; it recovers slowly. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #configured: number;
  readonly #burst: number;
  readonly #onLimited: ((requestsPerSecond: number) => void) | undefined;
  readonly #sent: number[] = [];
  #limit: number;
  #ceiling: number;
  #tokens: number;
  #filledAt: number;
  #limitedAt = Number.NEGATIVE_INFINITY;
  #raisedAt = Number.NEGATIVE_INFINITY;

  constructor({ clock, requestsPerSecond, burst = BURST, onLimited }: RateLimitOptions) {
    this.#clock = clock;
    this.#configured = requestsPerSecond ?? Number.POSITIVE_INFINITY;
    this.#burst = burst;
    this.#tokens = burst;
    this.#limit = this.#configured;
    this.#ceiling = this.#configured;
    this.#onLimited = onLimited;
    this.#filledAt = clock.now();
  }

  get requestsPerSecond(): number {
    return this.#limit;
  }

  /** Whether the server has asked for less than is configured. */
  get isLimited(): boolean {
    return this.#limit !== this.#configured;
  }

  /** Goes on with what an earlier run has learnt: never faster than is configured, never faster than from the start. */
  restore(requestsPerSecond: number, agoMs: number): void {
    if (requestsPerSecond >= this.#limit) return;
    if (!Number.isFinite(this.#ceiling)) this.#ceiling = requestsPerSecond * 2;
    this.#setLimit(Math.max(requestsPerSecond, FLOOR_PER_SECOND));
    this.#tokens = Math.min(this.#tokens, 1);
    this.#limitedAt = this.#clock.now() - agoMs;
  }

  /** Waits until a request may be sent; gives its start time for `reportLimited`. */
  async take(signal?: AbortSignal): Promise<number> {
    const wait = this.#reserve();
    if (wait > 0) await this.#clock.sleep(wait, signal);
    const now = this.#clock.now();
    this.#sent.push(now);
    this.#forgetOld(now);
    return now;
  }

  /** A request that was sent at `startedAt` got a 429. Those sent before the last halving belong to its incident. */
  reportLimited(startedAt: number): void {
    if (startedAt <= this.#limitedAt) return;
    const now = this.#clock.now();
    this.#forgetOld(now);
    const rate = Number.isFinite(this.#limit) ? this.#limit : this.#measure(now);
    if (!Number.isFinite(this.#limit)) this.#ceiling = rate;
    this.#setLimit(Math.max(rate / 2, FLOOR_PER_SECOND));
    this.#tokens = Math.min(this.#tokens, 0);
    this.#limitedAt = now;
    this.#onLimited?.(this.#limit);
  }

  /** A request succeeded: the limit may rise a step if the last incident is long ago. */
  reportSuccess(): void {
    if (this.#limit === this.#configured) return;
    const now = this.#clock.now();
    if (now - this.#limitedAt < RECOVERY_AFTER_MS || now - this.#raisedAt < RECOVERY_STEP_MS) {
      return;
    }
    this.#raisedAt = now;
    const raised = this.#limit * RECOVERY_FACTOR;
    this.#setLimit(raised >= this.#ceiling ? this.#configured : raised);
  }

  /** The rate that was too high: of the last seconds or, after a pause, of the last one. */
  #measure(now: number): number {
    const lastSecond = this.#sent.filter((time) => time > now - 1000).length;
    const average = this.#sent.length / (MEASURED_MS / 1000);
    return Math.max(average, lastSecond, MEASURED_FLOOR_PER_SECOND);
  }

  #setLimit(limit: number): void {
    this.#refill();
    this.#limit = limit;
  }

  #refill(): void {
    const now = this.#clock.now();
    const gained = Number.isFinite(this.#limit)
      ? ((now - this.#filledAt) / 1000) * this.#limit
      : this.#burst;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#filledAt = now;
  }

  /** Takes a token, on credit if there is none; gives the milliseconds until it exists. */
  #reserve(): number {
    this.#refill();
    if (!Number.isFinite(this.#limit)) return 0;
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#limit) * 1000;
  }

  #forgetOld(now: number): void {
    const [first = now] = this.#sent;
    if (first > now - MEASURED_MS) return;
    const old = this.#sent.findIndex((time) => time > now - MEASURED_MS);
    this.#sent.splice(0, old < 0 ? this.#sent.length : old);
  }
}
