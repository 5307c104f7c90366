import { openRegistryClient } from "../../../src/registry/registry-client.ts";
import {
  type MirrorServer,
  openServer,
  type ServerOptions,
} from "../../../src/serve/open-server.ts";
import type { ServeEvent } from "../../../src/serve/serve-event.ts";
import { type FaultRegistry, startFaultRegistry } from "../../support/registry.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

/** A registry, and servers one after the other whose docker.io it is, all with the same cache. */
export interface PullThrough extends AsyncDisposable {
  readonly registry: FaultRegistry;
  readonly cache: string;
  /** What the servers tell. */
  readonly events: ServeEvent[];
  /** Time of the day for the servers. */
  time: number;
  start(options?: Partial<ServerOptions>): Promise<MirrorServer>;
}

export async function openPullThrough(): Promise<PullThrough> {
  const directory = await openTempDirectory();
  const registry = await startFaultRegistry();
  const client = openRegistryClient({ retryTimeoutMs: 0 });
  const closers: AsyncDisposable[] = [directory, registry, client];
  const events: ServeEvent[] = [];
  const cache = directory.resolve("cache");
  const place: PullThrough = {
    registry,
    cache,
    events,
    time: Date.UTC(2026, 0, 1),
    async start(options = {}) {
      const openSource = (repository: string) =>
        client.repository({ registry: registry.host, repository });
      const server = await openServer({
        bundlePaths: [],
        upstreams: [{ namespace: "docker.io", openSource }],
        cacheDirectory: cache,
        port: 0,
        now: () => place.time,
        onEvent: (event) => events.push(event),
        ...options,
      });
      closers.push(server);
      return server;
    },
    async [Symbol.asyncDispose]() {
      for (const closer of closers.reverse()) await closer[Symbol.asyncDispose]();
    },
  };
  return place;
}
