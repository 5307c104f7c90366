import type { Command } from "../command.ts";
import { CACHE_ACTIONS } from "../options/cache.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { UPSTREAM_FLAGS } from "../options/upstreams.ts";

export const FLAGS = {
  cache: UPSTREAM_FLAGS.cache,
  "cache-size": UPSTREAM_FLAGS["cache-size"],
  "cache-ttl": UPSTREAM_FLAGS["cache-ttl"],
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const CACHE_COMMAND: Command<typeof FLAGS> = {
  name: "cache",
  describe: "Show and empty what serve has kept of its upstreams",
  positionals: [
    { name: "action", describe: `One of ${CACHE_ACTIONS.join(", ")}` },
    {
      name: "image",
      describe: "rm: REGISTRY/REPOSITORY:TAG, or without the tag for all of them",
      isList: true,
      isOptional: true,
    },
  ],
  flags: FLAGS,
  examples: [
    "mirror cache ls --cache /var/cache/mirror",
    "mirror cache prune --cache-size 50GiB",
    "mirror cache rm docker.io/library/nginx:1.27",
  ],
  resumeHint: "Run the same command again",
  load: async () => (await import("../actions/cache.ts")).runCacheCommand,
};
