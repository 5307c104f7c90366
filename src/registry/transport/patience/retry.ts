import type { Clock } from "../../../io/clock.ts";
import { RegistryResponseError, RegistryUnreachableError } from "../../errors.ts";
import type { HostGate } from "./host-gate.ts";

export interface PatienceOptions {
  readonly clock: Clock;
  readonly gate: HostGate;
  /** How long attempts without progress go on. */
  readonly timeoutMs: number;
  /** Whether a host ever answered in this run: only then is silence worth waiting out. */
  readonly hasAnswered: (host: string) => boolean;
  readonly onRetry?: ((retry: Retry) => void) | undefined;
}

export interface Retry {
  readonly attempt: number;
  readonly delayMs: number;
  readonly reason: string;
}

/**
 * `patient`: the host is ill, wait for it. `few`: more likely about this request or a wrong address. `brief`: hardly
 * worth it. `never`: the answer will not change.
 */
export type RetryClass = "patient" | "few" | "brief" | "never";

const BASE_DELAY_MS = 500;
const DELAY_LIMIT_MS = 30_000;
const FEW_ATTEMPTS = 6;
const BRIEF_ATTEMPTS = 3;
/** A host that has not answered once gets this many attempts: most often its name is wrong. */
const STRANGER_ATTEMPTS = 3;
/** Transferred bytes after which a transfer counts as going on. */
const PROGRESS_BYTES = 1024 * 1024;

/** Decides between waiting for another attempt and giving up, for one request or transfer. */
export class Patience {
  readonly #options: PatienceOptions;
  #attempt = 0;
  /** Attempts by class: a host that was waited for has not used up what a request may fail for itself. */
  #attemptsOf = noAttempts();
  #progressBytes = 0;
  #failingSince: number | undefined;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Bytes that arrived for good. A mebibyte of them forgives all earlier failures. */
  progress(bytes: number): void {
    this.#progressBytes += bytes;
    if (this.#progressBytes >= PROGRESS_BYTES) this.reset();
  }

  reset(): void {
    this.#attempt = 0;
    this.#attemptsOf = noAttempts();
    this.#progressBytes = 0;
    this.#failingSince = undefined;
  }

  /**
   * Waits before the next attempt, or throws the failure when there should be none. A caller that has another way to go
   * on after this failure says how patient to be with `retryClass`.
   */
  async waitAfter(
    failure: unknown,
    signal?: AbortSignal,
    retryClass: RetryClass = retryClassOf(failure),
  ): Promise<void> {
    signal?.throwIfAborted();
    const { clock, gate, onRetry } = this.#options;
    const now = clock.now();
    this.#failingSince ??= now;
    this.#attempt += 1;
    this.#attemptsOf[retryClass] += 1;
    const delayMs = this.#planDelay(failure, { now, retryClass });
    if (delayMs === undefined) throw failure;
    if (closesGate(failure)) gate.closeFor(delayMs);
    onRetry?.({ attempt: this.#attempt, delayMs, reason: reasonOf(failure) });
    await clock.sleep(delayMs, signal);
  }

  #planDelay(
    failure: unknown,
    { now, retryClass }: { readonly now: number; readonly retryClass: RetryClass },
  ): number | undefined {
    const { clock, timeoutMs } = this.#options;
    if (this.#attemptsOf[retryClass] >= this.#attemptLimit(failure, retryClass)) return undefined;
    const asked = failure instanceof RegistryResponseError ? failure.retryAfterMs : undefined;
    const ceiling = Math.min(DELAY_LIMIT_MS, BASE_DELAY_MS * 2 ** Math.min(this.#attempt - 1, 10));
    const delayMs = Math.ceil((asked ?? 0) + clock.random() * ceiling);
    const spent = now - (this.#failingSince ?? now);
    return spent + delayMs > timeoutMs ? undefined : delayMs;
  }

  #attemptLimit(failure: unknown, retryClass: RetryClass): number {
    switch (retryClass) {
      case "never":
        return 0;
      case "few":
        return FEW_ATTEMPTS;
      case "brief":
        return BRIEF_ATTEMPTS;
      case "patient":
        return failure instanceof RegistryUnreachableError &&
          !this.#options.hasAnswered(failure.registry)
          ? STRANGER_ATTEMPTS
          : Number.POSITIVE_INFINITY;
    }
  }
}

function noAttempts(): Record<RetryClass, number> {
  return { patient: 0, few: 0, brief: 0, never: 0 };
}

/** `isContent`: of a request for what a registry may have a store give. */
export function retryClassOf(
  failure: unknown,
  { isContent = false }: { readonly isContent?: boolean | undefined } = {},
): RetryClass {
  if (failure instanceof RegistryUnreachableError) return UNREACHABLE_CLASS[failure.reason];
  if (!(failure instanceof RegistryResponseError)) return "never";
  if (failure.code === "REGISTRY_LIMITED") return "patient";
  const isOfStore = isContent && failure.isRedirected;
  if (isOfStore && REFUSALS_OF_STORES.has(failure.status)) return "brief";
  return STATUS_CLASS[failure.status] ?? classOfUnknown(failure.status);
}

/** So stores refuse what they have when an address has ended, or for a moment: registries make another one. */
const REFUSALS_OF_STORES: ReadonlySet<number> = new Set([400, 403, 404, 410]);

/** From 520 on they are of proxies that had no answer (Cloudflare, load balancers); but for what is wrong with certificates. */
function classOfUnknown(status: number): RetryClass {
  if (status < 520) return "never";
  return status === 525 || status === 526 ? "few" : "patient";
}

const UNREACHABLE_CLASS: Readonly<Record<RegistryUnreachableError["reason"], RetryClass>> = {
  dns: "patient",
  refused: "patient",
  network: "patient",
  timeout: "patient",
  reset: "patient",
  tls: "few",
  protocol: "few",
  proxy: "few",
  "proxy-denied": "never",
  certificate: "never",
  "client-certificate": "never",
  "plain-http": "never",
  headers: "never",
  inward: "never",
};

// 424 comes from caches whose upstream has failed (ACR); 499 from proxies: client gone; 509 from those that sell bandwidth
const STATUS_CLASS: Readonly<Record<number, RetryClass>> = {
  408: "patient",
  424: "few",
  425: "few",
  429: "patient",
  499: "patient",
  500: "few",
  502: "patient",
  503: "patient",
  504: "patient",
  509: "few",
};

/** Whether the failure is about the host, so that other requests to it should wait as well. */
function closesGate(failure: unknown): boolean {
  return (
    failure instanceof RegistryResponseError &&
    (failure.code === "REGISTRY_LIMITED" || failure.retryAfterMs !== undefined)
  );
}

function reasonOf(failure: unknown): string {
  if (failure instanceof RegistryResponseError) return `status ${failure.status}`;
  return failure instanceof RegistryUnreachableError ? failure.reason : String(failure);
}
