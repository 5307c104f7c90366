import { checkOptions } from "../check-options.ts";
import { OptionInvalidError } from "../errors.ts";
import { type Clock, SYSTEM_CLOCK } from "../io/clock.ts";
import type { Notice } from "../notice.ts";
import type { OperationOptions } from "../store/store.ts";
import { USER_AGENT } from "../version.ts";
import { RegistryUnreachableError, WaitTimedOutError } from "./errors.ts";
import type { Transport } from "./transport/create-transport.ts";
import type { TlsOptions } from "./transport/tls/tls-options.ts";
import { openTransport } from "./transport/transport.ts";
import type { UnreachableReason } from "./unreachable-reasons.ts";

export interface WaitForRegistryOptions extends OperationOptions, TlsOptions {
  /** `scheme://host[:port][/path]`; `/v2/` is put behind it. */
  readonly url: string;
  /** In all; default 30 seconds. */
  readonly timeoutMs?: number | undefined;
  readonly onNotice?: ((notice: Notice) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface WaitResult {
  /** 200, or 401 where a login is needed: either way the registry answers. */
  readonly status: number;
  readonly tries: number;
  readonly waitedMs: number;
}

const TIMEOUT_MS = 30_000;
const PAUSE_MS = 500;
/** Of one try. */
const TRY_MS = 2_000;

/** Asks until a registry answers; `WAIT_TIMED_OUT` with what came last if it does not in time. */
export async function waitForRegistry(options: WaitForRegistryOptions): Promise<WaitResult> {
  checkOptions(options, {
    url: "text",
    timeoutMs: "amount?",
    tlsSkipVerifyHosts: "texts?",
    onNotice: "function?",
    signal: "signal?",
  });
  const { timeoutMs = TIMEOUT_MS, clock = SYSTEM_CLOCK, signal } = options;
  const url = addressOf(options.url);
  const start = clock.now();
  await using transport = openTransport({
    ...options,
    connections: 1,
    userAgent: USER_AGENT,
    stallTimeoutMs: TRY_MS,
    warn: (code, message) => options.onNotice?.({ code, message }),
  });
  for (let tries = 1; ; tries += 1) {
    const left = Math.max(timeoutMs - (clock.now() - start), 1);
    const { status, ...failed } = await tryOnce(transport, url, {
      limitMs: Math.min(TRY_MS, left),
      signal,
    });
    const waitedMs = Math.round(clock.now() - start);
    if (status === 200 || status === 401) return { status, tries, waitedMs };
    if (waitedMs + PAUSE_MS >= timeoutMs) throw new WaitTimedOutError(url, { ...failed, waitedMs });
    await clock.sleep(PAUSE_MS, signal);
  }
}

/** What has its own way on, and is not mended by waiting. */
const LASTING: ReadonlySet<UnreachableReason> = new Set([
  "certificate",
  "client-certificate",
  "proxy",
  "proxy-denied",
]);

interface Try {
  readonly status?: number;
  readonly reason: string;
  /** Where patience does not mend it. */
  readonly hint?: string | undefined;
}

async function tryOnce(
  transport: Transport,
  url: URL,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal | undefined },
): Promise<Try> {
  signal?.throwIfAborted();
  const limit = AbortSignal.any([
    AbortSignal.timeout(Math.ceil(limitMs)),
    ...(signal ? [signal] : []),
  ]);
  try {
    const response = await transport.send({ method: "GET", url, headers: {}, signal: limit });
    await response.discard();
    return { status: response.status, reason: `it answered ${response.status}` };
  } catch (error) {
    signal?.throwIfAborted();
    // Certificates and flags that cannot be used do not mend themselves
    if (error instanceof OptionInvalidError) throw error;
    if (limit.aborted) return { reason: `no answer in ${Math.ceil(limitMs)} ms` };
    const isLasting = error instanceof RegistryUnreachableError && LASTING.has(error.reason);
    const hint = isLasting ? error.hint : undefined;
    return { reason: error instanceof Error ? error.message : String(error), hint };
  }
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search) {
    throw new OptionInvalidError("url", "it is no address of a registry", {
      hint: 'Write "http://127.0.0.1:5000" or "https://registry.local", without a login and a query',
    });
  }
  url.pathname = `${url.pathname.replace(/\/(?:v2\/?)?$/, "")}/v2/`;
  return url;
}
