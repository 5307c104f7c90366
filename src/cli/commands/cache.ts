import { type CacheReport, inspectCache, pruneCache, removeFromCache } from "../../index.ts";
import type { Command, CommandArguments } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { toUpstreamOptions, UPSTREAM_FLAGS } from "../options/upstreams.ts";
import { printResult } from "../output/result.ts";
import { sanitize } from "../output/sanitize.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { UsageError } from "../usage-error.ts";

const FLAGS = {
  cache: UPSTREAM_FLAGS.cache,
  "cache-size": UPSTREAM_FLAGS["cache-size"],
  "cache-ttl": UPSTREAM_FLAGS["cache-ttl"],
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

const ACTIONS = ["ls", "stats", "prune", "rm"];

export const CACHE_COMMAND: Command<typeof FLAGS> = {
  name: "cache",
  describe: "Show and empty what serve has kept of its upstreams",
  positionals: [
    { name: "action", describe: `One of ${ACTIONS.join(", ")}` },
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
  async run(given, context) {
    const action = given.positionals["action"] ?? "";
    const report = await runAction(action, given, context.env);
    const { result } = toOutputOptions(given.flags, context);
    const text = action === "ls" ? renderImages : renderTotals;
    printResult(report, { ...context, result, text });
    return EXIT_DONE;
  },
};

async function runAction(
  action: string,
  { flags, rest }: CommandArguments<typeof FLAGS>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CacheReport> {
  const { cacheDirectory, cacheLimitBytes, cacheTtlMs } = toUpstreamOptions(flags, env);
  if (cacheDirectory === undefined) {
    throw new UsageError("No cache: there is no home directory", { hint: "Name it with --cache" });
  }
  if ((action === "rm") === (rest.length === 0)) {
    throw new UsageError(
      action === "rm" ? "No image to remove is named" : `Cannot name images for "${action}"`,
    );
  }
  switch (action) {
    case "ls":
    case "stats":
      return await inspectCache(cacheDirectory);
    case "prune":
      return await pruneCache(cacheDirectory, { limitBytes: cacheLimitBytes, ttlMs: cacheTtlMs });
    case "rm":
      return await removeFromCache(cacheDirectory, rest);
    default:
      throw new UsageError(`"${action}" is not one of ${ACTIONS.join(", ")}`);
  }
}

function renderImages({ images }: CacheReport): string {
  return images
    .map(({ checkedAt, digest, image }) => `${sanitize(image)} ${digest} ${checkedAt}\n`)
    .join("");
}

function renderTotals({ directory, images, removed, totals }: CacheReport): string {
  const { blobs, bytes, manifests, parts } = totals;
  const counts = [
    formatCount(images.length, "tag"),
    formatCount(manifests, "manifest"),
    formatCount(blobs, "blob"),
    ...(parts === 0 ? [] : [`${formatCount(parts, "blob")} not complete`]),
  ];
  const gone =
    removed.files === 0
      ? ""
      : `removed ${formatCount(removed.files, "file")}, ${formatBytes(removed.bytes)}\n`;
  return `${gone}${sanitize(directory)}: ${formatBytes(bytes)}, ${counts.join(", ")}\n`;
}
