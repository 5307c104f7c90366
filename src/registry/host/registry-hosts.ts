import { checkOptions } from "../../check-options.ts";
import { type Clock, SYSTEM_CLOCK } from "../../io/clock.ts";
import { option } from "../../option.ts";
import { USER_AGENT } from "../../version.ts";
import type { CredentialSource } from "../auth/credentials.ts";
import type { OnRegistryEvent } from "../registry-event.ts";
import { TransferThreads } from "../threads/transfer-threads.ts";
import { isLoopbackHost } from "../transport/connect/address.ts";
import { createNamedHosts } from "../transport/connect/named-hosts.ts";
import type { Transport } from "../transport/create-transport.ts";
import { apiHostOf } from "../transport/endpoint-scheme.ts";
import type { Quota } from "../transport/patience/quota.ts";
import type { TlsOptions, Warn } from "../transport/tls/tls-options.ts";
import { openClientTransport } from "../wire/open-transport.ts";
import { RateStates } from "./rate-states.ts";
import { RegistryHost } from "./registry-host.ts";

export interface RegistryHostsOptions extends TlsOptions {
  /** Finds credentials by registry host; default: none, everything is anonymous. */
  readonly credentials?: CredentialSource | undefined;
  /** Allow plain HTTP for any host where HTTPS does not answer; loopback hosts always may. */
  readonly insecure?: boolean | undefined;
  /** Hosts for which that is allowed: with a port that one, without one every port of the host. */
  readonly insecureHosts?: readonly string[] | undefined;
  /** Connections per host; requests beyond them wait. Default 16. */
  readonly concurrency?: number | undefined;
  /** Requests per second and host; default: as many as the server takes. */
  readonly requestsPerSecond?: number | undefined;
  /** The same for registries on other machines, where `requestsPerSecond` says nothing; default: none. */
  readonly usualRequestsPerSecond?: number | undefined;
  /** Requests that may be sent at once after a pause, where there is a limit; default 10. */
  readonly burst?: number | undefined;
  /** File in which what registries have asked for, and what they have left for us, is kept for later runs; default: none. */
  readonly rateStatePath?: string | undefined;
  /** How long a request or transfer without progress is tried again; default 15 minutes. */
  readonly retryTimeoutMs?: number | undefined;
  /** A connection without a byte for this long is given up and the transfer continued; default one minute. */
  readonly stallTimeoutMs?: number | undefined;
  /** A body that comes more slowly than this over `stallTimeoutMs` is given up too; default 100, 0: never. */
  readonly lowestBytesPerSecond?: number | undefined;
  /**
   * Blobs beyond this are sent in parts of this size, where the registry takes parts. Default: what the line carries in four
   * seconds, from 1 to 40 MiB.
   */
  readonly partSizeBytes?: number | undefined;
  /**
   * Most threads that large blobs are moved by between connections and files, where `pull` and `push` have much to move.
   * Default: one for each processor that the hashes of files leave, from 1 to 4; 0: none.
   */
  readonly transferThreads?: number | undefined;
  /** Starts one of them at once: whoever waits for the first blob does not wait for it. Default: when there is something to move. */
  readonly transferThreadAtStart?: boolean | undefined;
  /** @internal what has to be moved for threads to be started */
  readonly transferThreadsFromBytes?: number | undefined;
  readonly onEvent?: OnRegistryEvent | undefined;
  readonly userAgent?: string | undefined;
  readonly clock?: Clock | undefined;
}

export interface RegistryQuota extends Quota {
  readonly registry: string;
}

/** The hosts of one client and what they share. */
export interface RegistryHosts extends AsyncDisposable {
  readonly transport: Transport;
  readonly hostOf: (registry: string) => RegistryHost;
  /** The same for a web server, which has no API to ask how to log in. */
  readonly webHostOf: (host: string) => RegistryHost;
  /** Of the registries that have said how many requests are left. */
  readonly quotas: () => readonly RegistryQuota[];
}

const HTTP_PORT = 80;
/** Web servers that hide what is private say nothing, and take a name and a password. */
const WEB_CHALLENGES = ['Basic realm="files"'];
const CONNECTIONS = 16;
const RETRY_TIMEOUT_MS = 15 * 60_000;
const STALL_TIMEOUT_MS = 60_000;

function checkRegistryOptions(options: RegistryHostsOptions): void {
  checkOptions(options, {
    credentials: "function?",
    insecure: "switch?",
    insecureHosts: "texts?",
    tlsSkipVerify: "switch?",
    tlsSkipVerifyHosts: "texts?",
    ca: "texts?",
    caFiles: "texts?",
    certFile: "text?",
    keyFile: "text?",
    certsDirectories: "texts?",
    concurrency: "count?",
    requestsPerSecond: "amount?",
    usualRequestsPerSecond: "amount?",
    burst: "count?",
    rateStatePath: "text?",
    retryTimeoutMs: "amount?",
    stallTimeoutMs: "amount?",
    lowestBytesPerSecond: "amount?",
    partSizeBytes: "count?",
    transferThreads: "amount?",
    transferThreadAtStart: "switch?",
    transferThreadsFromBytes: "amount?",
    onEvent: "function?",
    userAgent: "text?",
    homeDirectory: "text?",
    env: "object?",
  });
}

/** Opens the connections of a client; hosts are made when they are first asked for. */
export function openRegistryHosts(options: RegistryHostsOptions): RegistryHosts {
  checkRegistryOptions(options);
  const hosts = new Map<string, RegistryHost>();
  const insecureHosts = createNamedHosts(options.insecureHosts ?? [], {
    option: "insecureHosts",
    port: HTTP_PORT,
  });
  const warn: Warn = (code, message) => options.onEvent?.({ type: "warning", code, message });
  const webHosts = new Map<string, RegistryHost>();
  const settings = {
    connections: options.concurrency ?? CONNECTIONS,
    userAgent: options.userAgent ?? USER_AGENT,
    ca: options.ca,
    caFiles: options.caFiles,
    certFile: options.certFile,
    keyFile: options.keyFile,
    certsDirectories: options.certsDirectories,
    tlsSkipVerify: options.tlsSkipVerify,
    tlsSkipVerifyHosts: options.tlsSkipVerifyHosts,
    env: options.env,
    homeDirectory: options.homeDirectory,
    stallTimeoutMs: options.stallTimeoutMs ?? STALL_TIMEOUT_MS,
    lowestBytesPerSecond: options.lowestBytesPerSecond,
  };
  const registries = () => [...webHosts.keys(), ...[...hosts.keys()].map(apiHostOf)];
  const transport = openClientTransport({
    ...settings,
    apiHostOf,
    isRegistry: (host) => registries().includes(host),
    warn,
  });
  const threads = new TransferThreads({
    settings: { ...settings, env: { ...(options.env ?? process.env) } },
    limit: options.transferThreads,
    fromBytes: options.transferThreadsFromBytes,
    registries,
    warn,
  });
  if (options.transferThreadAtStart) threads.prepareOne();
  const states =
    options.rateStatePath === undefined ? undefined : new RateStates(options.rateStatePath);
  const open = (registry: string, challenges?: readonly string[]): RegistryHost =>
    new RegistryHost({
      registry,
      transport,
      threads,
      credentials: options.credentials ?? (async () => undefined),
      clock: options.clock ?? SYSTEM_CLOCK,
      insecure: insecureHosts.has(registry) || options.insecure === true,
      retryTimeoutMs: options.retryTimeoutMs ?? RETRY_TIMEOUT_MS,
      requestsPerSecond: options.requestsPerSecond ?? usualRate(registry, options),
      burst: options.burst,
      states,
      partSizeBytes: options.partSizeBytes,
      onEvent: options.onEvent ?? (() => undefined),
      challenges,
    });
  return {
    hostOf: (registry) => remember(hosts, registry, () => open(registry)),
    webHostOf: (host) => remember(webHosts, host, () => open(host, WEB_CHALLENGES)),
    transport,
    quotas: () =>
      [...hosts.values()].flatMap(({ registry, quota }) => (quota ? [{ registry, ...quota }] : [])),
    [Symbol.asyncDispose]: async () => {
      await states?.end();
      for (const host of insecureHosts.unmet()) warn("HOST_UNUSED", unusedText(host));
      await threads[Symbol.asyncDispose]();
      await transport[Symbol.asyncDispose]();
    },
  };
}

/** A registry on this machine is nobody else's. */
function usualRate(
  registry: string,
  { usualRequestsPerSecond }: RegistryHostsOptions,
): number | undefined {
  const hostname = new URL(`http://${registry}`).hostname;
  return isLoopbackHost(hostname) ? undefined : usualRequestsPerSecond;
}

function unusedText(host: string): string {
  return `"${host}" in ${option("insecureHosts")} has no effect: no registry of this name was asked`;
}

function remember(
  hosts: Map<string, RegistryHost>,
  name: string,
  open: () => RegistryHost,
): RegistryHost {
  const host = hosts.get(name) ?? open();
  hosts.set(name, host);
  return host;
}
