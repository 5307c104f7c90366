import {
  type CacheReport,
  clearTagCache,
  inspectCache,
  inspectTagCache,
  pruneCache,
  removeFromCache,
  type TagCacheReport,
} from "../../index.ts";
import type { Action, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/cache.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { toCacheOptions } from "../options/bundle.ts";
import { CACHE_ACTIONS } from "../options/cache.ts";
import { toOutputOptions } from "../options/output.ts";
import { toUpstreamOptions } from "../options/upstreams.ts";
import { printResult } from "../output/result.ts";
import { sanitize } from "../output/sanitize.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { UsageError } from "../usage-error.ts";

export const runCacheCommand: Action<typeof FLAGS> = async (given, context) => {
  const action = given.positionals["action"] ?? "";
  const kept = await runAction(action, given, context.env);
  const known = await lookAtTags(action, given, context.env);
  const report = { ...kept, ...(known ? { knownTags: known } : {}) };
  const { result } = toOutputOptions(given.flags, context);
  const text = action === "ls" ? renderImages : renderTotals;
  printResult(report, { ...context, result, text });
  return EXIT_DONE;
};

/** What is known of tags, where that is asked for. */
async function lookAtTags(
  action: string,
  { flags, rest }: CommandArguments<typeof FLAGS>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<TagCacheReport | undefined> {
  if (action !== "stats" && action !== "clear") return undefined;
  const { cacheDirectory } = toCacheOptions({ "cache-dir": flags["cache-dir"] }, env);
  if (cacheDirectory === undefined) return undefined;
  return action === "clear"
    ? await clearTagCache(cacheDirectory, rest)
    : await inspectTagCache(cacheDirectory);
}

async function runAction(
  action: string,
  { flags, rest }: CommandArguments<typeof FLAGS>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CacheReport> {
  const { cacheDirectory, cacheLimitBytes, cacheTtlMs } = toUpstreamOptions(flags, env);
  if (cacheDirectory === undefined) {
    throw new UsageError("No cache: there is no home directory", { hint: "Name it with --cache" });
  }
  if (action !== "clear" && (action === "rm") === (rest.length === 0)) {
    throw new UsageError(
      action === "rm" ? "No image to remove is named" : `Cannot name images for "${action}"`,
    );
  }
  switch (action) {
    case "ls":
      return await inspectCache(cacheDirectory);
    case "stats":
    case "clear":
      return await inspectCache(cacheDirectory, { mayBeMissing: flags.cache === undefined });
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

function renderTotals({
  directory,
  images,
  knownTags,
  pushed,
  removed,
  totals,
}: CacheReport & { readonly knownTags?: TagCacheReport }): string {
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
  const known = knownTags === undefined ? "" : renderKnownTags(knownTags);
  return `${gone}${sanitize(directory)}: ${formatBytes(bytes)}, ${counts.join(", ")}\n${known}`;
}

function renderKnownTags({ directory, removed, totals }: TagCacheReport): string {
  const { bytes, repositories, tags } = totals;
  const gone =
    removed.repositories === 0
      ? ""
      : `forgot ${formatCount(removed.repositories, "file")}, ${formatBytes(removed.bytes)}\n`;
  const places = `${repositories} ${repositories === 1 ? "repository" : "repositories"}`;
  return `${gone}${sanitize(directory)}: ${formatBytes(bytes)}, ${formatCount(tags, "tag")} of ${places}\n`;
}
