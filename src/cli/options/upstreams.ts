import { join } from "node:path";
import { parseByteSize, type ServerOptions } from "../../index.ts";
import { userCacheDirectory } from "../user-cache-directory.ts";
import { parseDuration } from "./duration.ts";
import type { FlagTable, FlagValues } from "./flag.ts";

/** Registries that are served through a cache. */
export const UPSTREAM_FLAGS = {
  upstream: {
    type: "list",
    describe:
      "[USER:PASSWORD@]HOST[=URL], default (the usual seven) or '' (none): fetch from there what is asked for",
    group: "Upstreams:",
  },
  cache: {
    type: "string",
    describe: "Directory for what was fetched (default: serve in the cache directory of the user)",
    group: "Upstreams:",
  },
  "cache-size": {
    type: "string",
    describe: "Most that is kept: 200GiB (default: no bound)",
    group: "Upstreams:",
  },
  "cache-ttl": {
    type: "string",
    describe: "What nobody asked for this long goes (default: 168h)",
    group: "Upstreams:",
  },
  revalidate: {
    type: "string",
    describe:
      "How long a tag is believed at first; then longer while it does not move (default: 1h)",
    group: "Upstreams:",
  },
  offline: {
    type: "boolean",
    describe: "Serve what is kept, and ask no upstream",
    group: "Upstreams:",
  },
  "expose-private": {
    type: "boolean",
    describe: "Serve an upstream with a login to everybody who can connect",
    group: "Upstreams:",
  },
} as const satisfies FlagTable;

export function toUpstreamOptions(
  flags: FlagValues<typeof UPSTREAM_FLAGS>,
  env: Readonly<Record<string, string | undefined>>,
): Partial<ServerOptions> {
  const { cache, "cache-size": size, "cache-ttl": ttl, revalidate } = flags;
  const base = userCacheDirectory(env);
  return {
    cacheDirectory: cache ?? (base && join(base, "serve")),
    offline: flags.offline,
    exposePrivate: flags["expose-private"],
    ...(size === undefined
      ? {}
      : { cacheLimitBytes: parseByteSize(size, { defaultUnit: "B", option: "cacheLimitBytes" }) }),
    ...(ttl === undefined ? {} : { cacheTtlMs: parseDuration(ttl, "cache-ttl") }),
    ...(revalidate === undefined ? {} : { revalidateMs: parseDuration(revalidate, "revalidate") }),
  };
}
