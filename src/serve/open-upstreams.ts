import { PullStore } from "../cache/pull-store.ts";
import { OptionInvalidError } from "../errors.ts";
import type { RegistryBackend } from "../server/backend.ts";
import { describeFailure } from "./answered-events.ts";
import type { ServedContent } from "./collect-content.ts";
import { createFallbackBackend } from "./fallback-backend.ts";
import { canonicalNamespace } from "./namespace-names.ts";
import type { ProtectionOptions } from "./protection.ts";
import type { OnServeEvent } from "./serve-event.ts";
import { type Upstream, UpstreamAccess } from "./upstream.ts";
import { createUpstreamBackend } from "./upstream-backend.ts";

export interface UpstreamOptions {
  /** Registries that images are fetched from when they are asked for, and not in a bundle. */
  readonly upstreams?: readonly Upstream[] | undefined;
  /** Where what was fetched is kept; needed with upstreams. One server uses it at a time. */
  readonly cacheDirectory?: string | undefined;
  /** Most bytes of it; default: no bound. */
  readonly cacheLimitBytes?: number | undefined;
  /** What nobody asked for this long goes; default 7 days. */
  readonly cacheTtlMs?: number | undefined;
  /** For how long a tag is believed at first; default an hour. */
  readonly revalidateMs?: number | undefined;
  /** Serves what is kept, and asks no upstream. */
  readonly offline?: boolean | undefined;
  /** Serves an upstream that is asked with a login to everybody who can connect. */
  readonly exposePrivate?: boolean | undefined;
  /** Time of the day in milliseconds; default that of the machine. */
  readonly now?: (() => number) | undefined;
}

export interface OpenUpstreamsOptions extends UpstreamOptions, ProtectionOptions {
  readonly address: string;
  readonly onEvent: OnServeEvent;
}

export interface OpenedUpstreams extends AsyncDisposable {
  /** By namespace. */
  readonly backends: ReadonlyMap<string, RegistryBackend>;
}

const REVALIDATE_MS = 3_600_000;

export async function openUpstreams(options: OpenUpstreamsOptions): Promise<OpenedUpstreams> {
  const { cacheDirectory, now = Date.now, offline = false, onEvent, upstreams = [] } = options;
  if (upstreams.length === 0) return { backends: new Map(), [Symbol.asyncDispose]: async () => {} };
  if (cacheDirectory === undefined) {
    throw new OptionInvalidError("cacheDirectory", "upstreams need a directory for what they give");
  }
  refuseExposure(options);
  const store = await PullStore.open(cacheDirectory, {
    limitBytes: options.cacheLimitBytes,
    ttlMs: options.cacheTtlMs,
    now,
    onUnkept: (error) => onEvent({ type: "cache-failed", ...describeFailure(error) }),
  });
  const backends = upstreams.map((upstream) => {
    const { signal } = store;
    const access = new UpstreamAccess({ upstream, isOffline: offline, now, signal });
    const { revalidateMs = REVALIDATE_MS } = options;
    const backend = createUpstreamBackend({ access, store, revalidateMs, onEvent });
    return [canonicalNamespace(upstream.namespace), backend] as const;
  });
  return {
    backends: new Map(backends),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Bundles first: what is in them was chosen. */
export function addUpstreams(
  { namespaces, target }: ServedContent,
  { backends }: OpenedUpstreams,
): ServedContent {
  const all = new Map(namespaces);
  for (const [namespace, backend] of backends) {
    const own = all.get(namespace);
    all.set(namespace, own ? createFallbackBackend(own, backend) : backend);
  }
  return { namespaces: all, target };
}

const LOOPBACK = /^(?:127\.|::1$|localhost$)/;

/** What a login may see is for those who may use that login. */
function refuseExposure(options: OpenUpstreamsOptions): void {
  const { address, allow, clientCaFile, exposePrivate = false, htpasswdFile, upstreams } = options;
  const isGuarded =
    LOOPBACK.test(address) || htpasswdFile !== undefined || clientCaFile !== undefined;
  if (exposePrivate || isGuarded || (allow && allow.length > 0)) return;
  const open = upstreams?.filter(({ isPrivate }) => isPrivate).map(({ namespace }) => namespace);
  if (!open || open.length === 0) return;
  throw new OptionInvalidError(
    "exposePrivate",
    `${open.join(", ")} would be read with a login by everybody who can connect to ${address}`,
    { hint: "Ask clients for a login or a certificate, allow some addresses only, or expose it" },
  );
}
