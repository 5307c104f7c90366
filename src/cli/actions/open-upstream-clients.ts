import {
  createCredentials,
  openRegistryClient,
  parseUpstreams,
  type RegistryClient,
  type RegistryEvent,
  type Upstream,
  type UpstreamSpec,
} from "../../index.ts";
import type { CliContext } from "../command.ts";
import type { FlagValues } from "../options/flag.ts";
import { type REGISTRY_FLAGS, toRegistryOptions } from "../options/registry.ts";
import type { UPSTREAM_FLAGS } from "../options/upstreams.ts";
import { renderRegistryEvent } from "../output/progress/registry-line.ts";
import { toSurroundings } from "./open-client.ts";

type Flags = FlagValues<typeof REGISTRY_FLAGS & typeof UPSTREAM_FLAGS>;

interface OpenedClients extends AsyncDisposable {
  readonly upstreams: readonly Upstream[];
}

/** Clients wait for an answer meanwhile, and most have another place to go to. */
const RETRY_TIMEOUT_MS = 5000;

/** For so few upstreams threads are started before the first client waits for one; each takes some mebibytes. */
const PREPARED_UPSTREAMS = 2;

/** A client for each upstream: what one is sent, no other one sees. */
export async function openUpstreamClients(
  flags: Flags,
  context: CliContext,
): Promise<OpenedClients> {
  const clients: RegistryClient[] = [];
  const warnUnused = createUnusedWarning(() => clients.length);
  const upstreams: Upstream[] = [];
  const specs = parseUpstreams(flags.upstream ?? [], context.env);
  const transferThreadAtStart = !flags.offline && specs.length <= PREPARED_UPSTREAMS;
  for (const spec of specs) {
    const { client, isPrivate } = await openUpstreamClient(spec, flags, {
      context,
      warnUnused,
      transferThreadAtStart,
    });
    clients.push(client);
    const { namespace, path, registry } = spec;
    upstreams.push({
      namespace,
      isPrivate,
      openSource: (repository) => {
        const name = path === "" ? repository : `${path}/${repository}`;
        return client.repository({ registry, repository: name });
      },
    });
  }
  return {
    upstreams,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client[Symbol.asyncDispose]();
    },
  };
}

async function openUpstreamClient(
  { isPlainHttp, login, namespace, registry }: UpstreamSpec,
  flags: Flags,
  {
    context,
    warnUnused,
    transferThreadAtStart,
  }: {
    readonly context: CliContext;
    readonly warnUnused: IsForAll;
    readonly transferThreadAtStart: boolean;
  },
): Promise<{ readonly client: RegistryClient; readonly isPrivate: boolean }> {
  const onEvent = (event: RegistryEvent) => {
    if (event.type === "warning" && !warnUnused(event)) return;
    const line = renderRegistryEvent(context.inFlags(event), { debug: false });
    if (line !== undefined) context.stderr.write(`${line}\n`);
  };
  const surroundings = toSurroundings(context.env);
  const credentials = createCredentials({
    ...surroundings,
    registry,
    ...(login && { login: login.username, password: login.password }),
    origin: `the upstream ${namespace}`,
    authFile: flags.authfile,
    onEvent,
  });
  const options = toRegistryOptions(flags);
  const client = openRegistryClient({
    retryTimeoutMs: RETRY_TIMEOUT_MS,
    transferThreadAtStart,
    ...options,
    ...surroundings,
    insecure: options.insecure || isPlainHttp,
    credentials,
    onEvent,
  });
  return { client, isPrivate: (await credentials(registry)) !== undefined };
}

type IsForAll = (warning: { readonly code: string; readonly message: string }) => boolean;

/** A host that a flag names is meant for one of the upstreams: only when none has met it, there is something to say. */
function createUnusedWarning(clientCount: () => number): IsForAll {
  const counts = new Map<string, number>();
  return ({ code, message }) => {
    if (code !== "HOST_UNUSED") return true;
    const count = (counts.get(message) ?? 0) + 1;
    counts.set(message, count);
    return count === clientCount();
  };
}
