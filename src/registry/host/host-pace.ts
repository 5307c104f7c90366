import type { Clock } from "../../io/clock.ts";
import type { OnRegistryEvent } from "../registry-event.ts";
import type { ResponseHeaders } from "../transport/headers.ts";
import { HostGate } from "../transport/patience/host-gate.ts";
import { type Quota, quotaOf, refillMsOf } from "../transport/patience/quota.ts";
import { RateLimit } from "../transport/patience/rate-limit.ts";
import type { RateStates } from "./rate-states.ts";

export interface HostPaceOptions {
  readonly registry: string;
  readonly clock: Clock;
  readonly requestsPerSecond?: number | undefined;
  readonly burst?: number | undefined;
  /** What earlier runs have learnt. */
  readonly states?: RateStates | undefined;
  readonly onEvent: OnRegistryEvent;
}

/** When the next request to one host may be sent: what it asked for, what it was seen to take, what it has left for us. */
export class HostPace {
  readonly gate: HostGate;
  readonly #options: HostPaceOptions;
  readonly #rate: RateLimit;
  #restoring: Promise<void> | undefined;
  #isRestored = false;
  #quota: Quota | undefined;
  /** When the next request may be sent that counts, once none is left. */
  #opensAt = Number.NEGATIVE_INFINITY;
  #toldUntil = Number.NEGATIVE_INFINITY;

  constructor(options: HostPaceOptions) {
    const { registry, clock, requestsPerSecond, burst, onEvent } = options;
    this.#options = options;
    this.gate = new HostGate(clock);
    this.#rate = new RateLimit({
      clock,
      requestsPerSecond,
      burst,
      onLimited: (rate) => {
        onEvent({ type: "rate-limited", registry, requestsPerSecond: rate });
        this.#remember();
      },
    });
  }

  /** What the registry has said last of how many requests are left. */
  get quota(): Quota | undefined {
    return this.#quota;
  }

  /** Waits until a request may be sent; gives its start time for `reportLimited`. */
  async pass(path: string, signal: AbortSignal | undefined): Promise<number> {
    // nothing is waited for that needs no waiting: every request passes here
    this.#restoring ??= this.#restore();
    if (!this.#isRestored) await this.#restoring;
    if (this.gate.isClosed) await this.gate.pass(signal);
    if (isCounted(path)) await this.#passQuota(signal);
    return this.#rate.take(signal);
  }

  reportSuccess(): void {
    const before = this.#rate.requestsPerSecond;
    this.#rate.reportSuccess();
    if (this.#rate.requestsPerSecond !== before) this.#remember();
  }

  reportLimited(startedAt: number): void {
    this.#rate.reportLimited(startedAt);
  }

  /** Reads what an answer says of the requests that are left. */
  note(headers: ResponseHeaders): void {
    const quota = quotaOf(headers);
    if (quota === undefined) return;
    const isNews = quota.remaining === 0 || this.#quota?.remaining === 0;
    this.#quota = quota;
    if (isNews) this.#remember();
  }

  /** Behind the last request that is left, each has to wait for one that comes back: better so than by being refused. */
  async #passQuota(signal: AbortSignal | undefined): Promise<void> {
    const { clock, onEvent, registry } = this.#options;
    const quota = this.#quota;
    if (quota === undefined) return;
    if (quota.remaining > 0) {
      this.#quota = { ...quota, remaining: quota.remaining - 1 };
      return;
    }
    const refillMs = refillMsOf(quota);
    if (refillMs === undefined) return;
    const now = clock.now();
    this.#opensAt = Math.max(this.#opensAt, now) + refillMs;
    const delayMs = this.#opensAt - now;
    if (this.#toldUntil < now) {
      this.#toldUntil = this.#opensAt;
      onEvent({ type: "quota-exhausted", registry, delayMs, ...limitOf(quota) });
    }
    await clock.sleep(delayMs, signal);
  }

  async #restore(): Promise<void> {
    const { states, registry } = this.#options;
    const state = await states?.read(registry);
    this.#isRestored = true;
    if (state === undefined) return;
    const { agoMs, quota, requestsPerSecond } = state;
    if (requestsPerSecond !== undefined) this.#rate.restore(requestsPerSecond, agoMs);
    const refillMs = quota && refillMsOf(quota);
    const isOver = refillMs === undefined || agoMs >= refillMs;
    // What was left then is still less now, unless some have come back
    if (quota !== undefined && !isOver) this.#quota ??= quota;
  }

  #remember(): void {
    const { states, registry } = this.#options;
    const { requestsPerSecond, isLimited } = this.#rate;
    states?.note(registry, {
      ...(isLimited ? { requestsPerSecond } : {}),
      ...(this.#quota ? { quota: this.#quota } : {}),
    });
  }
}

/** What registries with a quota count: Docker Hub does not count layers. */
function isCounted(path: string): boolean {
  return /\/manifests\//.test(path);
}

function limitOf({ limit, windowMs }: Quota) {
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(windowMs === undefined ? {} : { windowMs }),
  };
}
