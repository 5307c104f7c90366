import { isOfStorage } from "../../cache/storage-failure.ts";
import { MirrorError } from "../../errors.ts";
import type { OperationOptions, SourceRepository } from "../../store/store.ts";
import { toUpstreamError, UpstreamError } from "../errors.ts";

/** A registry that images are fetched from when they are asked for. */
export interface Upstream {
  /** The name that it has in image names: `docker.io`. */
  readonly namespace: string;
  /** Its repository that stands under this path. */
  readonly openSource: (repository: string) => SourceRepository;
  /** Asked with a login: whoever can connect here sees what only that login may see. */
  readonly isPrivate?: boolean | undefined;
}

/** How an upstream answered last, whatever it was asked for; times of the day in milliseconds. */
export interface UpstreamHealth {
  readonly answeredAt?: number;
  /** Since when it fails; undefined: it does not. */
  readonly failedAt?: number;
  /** Whether it fails because it limits the rate. */
  readonly isLimiting?: boolean;
}

/** Where answers that something is not there are kept for a while. */
const MISSING_MS = 60_000;
const MISSING_LIMIT = 10_000;

export interface UpstreamAccessOptions extends OperationOptions {
  readonly upstream: Upstream;
  readonly isOffline: boolean;
  /** Time of the day in milliseconds. */
  readonly now: () => number;
}

/** An upstream that does not answer, or asks for less, is left in peace for so long where there is a copy. */
const REST_MS = 60_000;

/** Failures that have nothing to do with what was asked for. */
const OF_ALL: ReadonlySet<string> = new Set(["REGISTRY_UNREACHABLE", "REGISTRY_LIMITED"]);

/** Asks one upstream, for each thing once at a time; what it does not have is not asked for again at once. */
export class UpstreamAccess {
  readonly namespace: string;
  readonly isOffline: boolean;
  readonly now: () => number;
  readonly #options: UpstreamAccessOptions;
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #missingUntil = new Map<string, number>();
  #rest: { readonly until: number; readonly reason: string } | undefined;
  #health: UpstreamHealth = {};

  constructor(options: UpstreamAccessOptions) {
    this.#options = options;
    this.namespace = options.upstream.namespace;
    this.isOffline = options.isOffline;
    this.now = options.now;
  }

  /** Why it is not asked for what there is a copy of: it has just failed, whatever it was asked for. */
  get resting(): string | undefined {
    return this.#rest && this.now() < this.#rest.until ? this.#rest.reason : undefined;
  }

  get health(): UpstreamHealth {
    return this.#health;
  }

  /** Undefined: the upstream does not have it, or is not to be asked. Rejects with `UpstreamError`. */
  async ask<Value>(
    repository: string,
    key: string,
    load: (source: SourceRepository, options: OperationOptions) => Promise<Value>,
  ): Promise<Value | undefined> {
    const name = `${repository} ${key}`;
    if (this.isOffline || (this.#missingUntil.get(name) ?? 0) > this.now()) return undefined;
    try {
      const { signal, upstream } = this.#options;
      const found = await load(upstream.openSource(repository), { signal });
      this.#rest = undefined;
      this.#health = { answeredAt: this.now() };
      return found;
    } catch (error) {
      // What the disk of the cache does not take is not the upstream's fault
      if (isOfStorage(error) || !(error instanceof MirrorError)) throw error;
      this.#noteFailure(error);
      if (error.code !== "REGISTRY_NOT_FOUND" && error.code !== "CONTENT_MISSING") {
        throw toUpstreamError(`${this.namespace}/${repository}`, error);
      }
      if (this.#missingUntil.size >= MISSING_LIMIT) this.#missingUntil.clear();
      this.#missingUntil.set(name, this.now() + MISSING_MS);
      return undefined;
    }
  }

  #noteFailure({ code, message, ...fields }: MirrorError & { readonly retryAfterMs?: unknown }) {
    if (!OF_ALL.has(code)) return;
    const wished = typeof fields.retryAfterMs === "number" ? fields.retryAfterMs : 0;
    this.#health = {
      ...this.#health,
      failedAt: this.#health.failedAt ?? this.now(),
      isLimiting: code === "REGISTRY_LIMITED",
    };
    this.#rest = { until: this.now() + Math.max(REST_MS, wished), reason: message };
  }

  /** For what cannot be said without asking. */
  refusal(repository: string): UpstreamError {
    const reason = "upstreams are not to be asked";
    return new UpstreamError(`${this.namespace}/${repository}`, reason);
  }

  /** The same work for all who want it at the same time. */
  async share<Value>(key: string, work: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key) as Promise<Value> | undefined;
    if (running !== undefined) return await running;
    const begun = work();
    this.#running.set(key, begun);
    try {
      return await begun;
    } finally {
      this.#running.delete(key);
    }
  }
}
