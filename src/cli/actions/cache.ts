import { type CacheReport, inspectCache, pruneCache, removeFromCache } from "../../index.ts";
import type { Action, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/cache.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { CACHE_ACTIONS } from "../options/cache.ts";
import { toOutputOptions } from "../options/output.ts";
import { toUpstreamOptions } from "../options/upstreams.ts";
import { printResult } from "../output/result.ts";
import { sanitize } from "../output/sanitize.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { UsageError } from "../usage-error.ts";

export const runCacheCommand: Action<typeof FLAGS> = async (given, context) => {
  const action = given.positionals["action"] ?? "";
  const report = await runAction(action, given, context.env);
  const { result } = toOutputOptions(given.flags, context);
  const text = action === "ls" ? renderImages : renderTotals;
  printResult(report, { ...context, result, text });
  return EXIT_DONE;
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
      throw new UsageError(`"${action}" is not one of ${CACHE_ACTIONS.join(", ")}`);
  }
}

function renderImages({ images, pushed }: CacheReport): string {
  const rows = [
    ...images.map(({ checkedAt, digest, image }) => [image, digest, checkedAt]),
    ...pushed.map(({ digest, image }) => [image, digest, "pushed"]),
  ];
  return rows.map(([image = "", ...rest]) => `${[sanitize(image), ...rest].join(" ")}\n`).join("");
}

function renderTotals({ directory, images, pushed, removed, totals }: CacheReport): string {
  const { blobs, bytes, manifests, parts } = totals;
  const counts = [
    formatCount(images.length, "tag"),
    ...(pushed.length === 0 ? [] : [formatCount(pushed.length, "pushed tag")]),
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
