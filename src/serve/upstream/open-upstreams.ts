import { PullStore } from "../../cache/served/pull-store.ts";
import { PushedRepositories } from "../../cache/served/pushed-repositories.ts";
import { OptionInvalidError } from "../../errors.ts";
import { isNamespace } from "../../oci/namespace.ts";
import { option } from "../../option.ts";
import type { RegistryBackend, RegistryWriter } from "../../server/backend.ts";
import { describeFailure } from "../answered-events.ts";
import type { ServedContent } from "../collect-content.ts";
import { createFallbackBackend } from "../fallback-backend.ts";
import { canonicalNamespace } from "../namespace-names.ts";
import type { ProtectionOptions } from "../protection.ts";
import type { OnServeEvent } from "../serve-event.ts";
import { createWritableBackend } from "../writable-backend.ts";
import { type Upstream, UpstreamAccess, type UpstreamHealth } from "./upstream.ts";
import { createUpstreamBackend } from "./upstream-backend.ts";

export interface UpstreamOptions {
  /** Registries that images are fetched from when they are asked for, and not in a bundle. */
  readonly upstreams?: readonly Upstream[] | undefined;
  /** A namespace that clients can push to; it is kept in the cache directory, and stays. */
  readonly writable?: string | undefined;
  /** Where what was fetched or pushed is kept; needed with both. One server uses it at a time. */
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
  /** How each of them answers. */
  readonly healths: ReadonlyMap<string, () => UpstreamHealth>;
  readonly writable?: WritableNamespace | undefined;
}

export interface WritableNamespace {
  readonly namespace: string;
  readonly backend: RegistryBackend & RegistryWriter;
}

const REVALIDATE_MS = 3_600_000;

export async function openUpstreams(options: OpenUpstreamsOptions): Promise<OpenedUpstreams> {
  const { cacheDirectory, now = Date.now, onEvent, upstreams = [], writable } = options;
  if (upstreams.length === 0 && writable === undefined) {
    return { backends: new Map(), healths: new Map(), [Symbol.asyncDispose]: async () => {} };
  }
  if (cacheDirectory === undefined) {
    throw new OptionInvalidError(
      "cacheDirectory",
      "upstreams and what is pushed need a directory for their content",
      { hint: `Name one with ${option("cacheDirectory")}: without HOME there is no usual place` },
    );
  }
  refuseExposure(options);
  const namespace = writable === undefined ? undefined : checkWritable(writable, options);
  const store = await PullStore.open(cacheDirectory, {
    limitBytes: options.cacheLimitBytes,
    ttlMs: options.cacheTtlMs,
    now,
    onUnkept: (error) => onEvent({ type: "cache-failed", ...describeFailure(error) }),
  });
  return {
    ...createUpstreamBackends(store, options),
    writable: namespace === undefined ? undefined : openWritable(store, namespace),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

export function createUpstreamBackends(
  store: PullStore,
  options: UpstreamOptions & Pick<OpenUpstreamsOptions, "onEvent">,
): Pick<OpenedUpstreams, "backends" | "healths"> {
  const { now = Date.now, offline = false, onEvent, revalidateMs = REVALIDATE_MS } = options;
  const { signal } = store;
  const backends = new Map<string, RegistryBackend>();
  const healths = new Map<string, () => UpstreamHealth>();
  for (const upstream of options.upstreams ?? []) {
    const namespace = canonicalNamespace(upstream.namespace);
    const access = new UpstreamAccess({ upstream, isOffline: offline, now, signal });
    backends.set(namespace, createUpstreamBackend({ access, store, revalidateMs, onEvent }));
    healths.set(namespace, () => access.health);
  }
  return { backends, healths };
}

function openWritable(store: PullStore, namespace: string): WritableNamespace {
  const pushed = new PushedRepositories(store, namespace);
  return { namespace, backend: createWritableBackend(store, pushed) };
}

/** Bundles first: what is in them was chosen. */
export function addUpstreams(
  { namespaces, target }: ServedContent,
  { backends, writable }: OpenedUpstreams,
): ServedContent {
  const all = new Map(namespaces);
  if (writable !== undefined) {
    if (all.has(writable.namespace))
      throw notItsOwn(writable.namespace, "a bundle or the tree has images of it");
    all.set(writable.namespace, writable.backend);
  }
  for (const [namespace, backend] of backends) {
    const own = all.get(namespace);
    all.set(namespace, own ? createFallbackBackend(own, backend) : backend);
  }
  return { namespaces: all, target };
}

/** Returns the name as requests have it. */
function checkWritable(writable: string, options: OpenUpstreamsOptions): string {
  const namespace = canonicalNamespace(writable);
  if (!isNamespace(namespace)) {
    throw new OptionInvalidError("writable", `"${writable}" is no name for a registry`, {
      hint: "Write a name without a path: local, or registry.lan:5000",
    });
  }
  const { upstreams = [] } = options;
  if (upstreams.some((upstream) => canonicalNamespace(upstream.namespace) === namespace)) {
    throw notItsOwn(namespace, "it is an upstream");
  }
  if (isGuarded(options)) return namespace;
  throw new OptionInvalidError(
    "writable",
    `everybody who can connect to ${options.address} could push to ${namespace}`,
    { hint: "Ask clients for a login or a certificate, or allow some addresses only" },
  );
}

function notItsOwn(namespace: string, reason: string): OptionInvalidError {
  return new OptionInvalidError("writable", `${namespace} cannot be pushed to: ${reason}`, {
    hint: "Choose another name, which nothing else is served under",
  });
}

const LOOPBACK = /^(?:127\.|::1$|localhost$)/;

/** What a login may see is for those who may use that login. */
function refuseExposure(options: OpenUpstreamsOptions): void {
  const { address, exposePrivate = false, upstreams } = options;
  if (exposePrivate || isGuarded(options)) return;
  const open = upstreams?.filter(({ isPrivate }) => isPrivate).map(({ namespace }) => namespace);
  if (!open || open.length === 0) return;
  throw new OptionInvalidError(
    "exposePrivate",
    `${open.join(", ")} would be read with a login by everybody who can connect to ${address}`,
    { hint: "Ask clients for a login or a certificate, allow some addresses only, or expose it" },
  );
}

/** Whether not everybody on the network can come in. */
function isGuarded({ address, allow = [], clientCaFile, htpasswdFile }: OpenUpstreamsOptions) {
  if (htpasswdFile !== undefined || clientCaFile !== undefined) return true;
  return LOOPBACK.test(address) || allow.length > 0;
}
