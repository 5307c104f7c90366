import type { Command } from "../command.ts";
import { BUNDLE_FLAGS } from "../options/bundle.ts";
import { CACHE_ACTIONS } from "../options/cache.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { SELECTION_FLAGS } from "../options/selection.ts";
import { UPSTREAM_FLAGS } from "../options/upstreams.ts";

export const FLAGS = {
  cache: UPSTREAM_FLAGS.cache,
  "cache-size": UPSTREAM_FLAGS["cache-size"],
  "cache-ttl": UPSTREAM_FLAGS["cache-ttl"],
  upstream: {
    ...UPSTREAM_FLAGS.upstream,
    describe: "warm: [USER:PASSWORD@]HOST[=URL] or default: fetch from there",
  },
  revalidate: UPSTREAM_FLAGS.revalidate,
  "images-from": {
    ...SELECTION_FLAGS["images-from"],
    describe: "warm: file with one image per line, - for stdin; repeatable",
  },
  platform: {
    ...SELECTION_FLAGS.platform,
    describe: "warm: platform to fetch of multi-platform images; repeatable",
  },
  "cache-dir": {
    ...BUNDLE_FLAGS["cache-dir"],
    describe:
      "stats, clear: where what is known of tags is kept (default: mirror in the user's cache)",
  },
  ...REGISTRY_FLAGS,
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const CACHE_COMMAND: Command<typeof FLAGS> = {
  name: "cache",
  describe: "Show, fill and empty what serve has kept of its upstreams, and what is known of tags",
  positionals: [
    { name: "action", describe: `One of ${CACHE_ACTIONS.join(", ")}` },
    {
      name: "images",
      describe:
        "rm: REGISTRY/REPOSITORY:TAG, or without the tag for all of them; clear: repositories; warm: images",
      isList: true,
      isOptional: true,
    },
  ],
  flags: FLAGS,
  examples: [
    "mirror cache ls --cache /var/cache/mirror",
    "mirror cache prune --cache-size 50GiB",
    "mirror cache rm docker.io/library/nginx:1.27",
    "mirror cache warm --upstream default --images-from images.txt",
    "mirror cache clear docker.io/library/nginx",
  ],
  resumeHint: "Run the same command again",
  load: async () => (await import("../actions/cache.ts")).runCacheCommand,
};
