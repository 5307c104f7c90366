import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type CacheReport,
  clearTagCache,
  inspectCache,
  inspectTagCache,
  pruneCache,
  removeFromCache,
  type TagCacheReport,
  type WarmedImage,
  warmCache,
} from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/cache.ts";
import { COMPILED_DIRECTORY } from "../compile-cache.ts";
import { EXIT_DONE, EXIT_PARTIAL } from "../exit-code.ts";
import { toCacheOptions } from "../options/bundle.ts";
import { CACHE_ACTIONS } from "../options/cache.ts";
import { toOutputOptions } from "../options/output.ts";
import { readImageLists } from "../options/read-image-lists.ts";
import { toUpstreamOptions } from "../options/upstreams.ts";
import { renderServeEvent } from "../output/progress/serve-line.ts";
import { printResult } from "../output/result.ts";
import { sanitize } from "../output/sanitize.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { UsageError } from "../usage-error.ts";
import { openUpstreamClients } from "./open-upstream-clients.ts";

export const runCacheCommand: Action<typeof FLAGS> = async (given, context) => {
  const action = given.positionals["action"] ?? "";
  const warmed = action === "warm" ? await warm(given, context) : undefined;
  const kept = await runAction(action, given, context.env);
  const known = await lookAtTags(action, given, context.env);
  const report = {
    ...kept,
    ...(known ? { knownTags: known } : {}),
    ...(warmed ? { warmed } : {}),
  };
  const { result } = toOutputOptions(given.flags, context);
  const text = action === "ls" ? renderImages : renderTotals;
  printResult(report, { ...context, result, text });
  return warmed?.some(({ failure }) => failure) ? EXIT_PARTIAL : EXIT_DONE;
};

/** What is named and listed; without that, what clients have pulled before. */
async function warm(
  { flags, rest }: CommandArguments<typeof FLAGS>,
  context: CliContext,
): Promise<readonly WarmedImage[]> {
  const { "images-from": lists, platform: platforms } = flags;
  const named = [...rest, ...(await readImageLists(lists ?? [], context.stdin))];
  await using opened = await openUpstreamClients(flags, context);
  if (opened.upstreams.length === 0) {
    throw new UsageError("Nothing to fetch from: no upstream is named", {
      hint: "Name those of the server: --upstream default",
    });
  }
  const { signal, stderr } = context;
  return await warmCache({
    ...toCachePlace(flags, context.env),
    upstreams: opened.upstreams,
    images: rest.length + (lists?.length ?? 0) === 0 ? undefined : named,
    platforms,
    signal,
    onEvent: (event) => void stderr.write(renderServeEvent(event)),
  });
}

/** What is known of tags, where that is asked for. With all of them goes what Node.js has compiled. */
async function lookAtTags(
  action: string,
  { flags, rest }: CommandArguments<typeof FLAGS>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<TagCacheReport | undefined> {
  if (action !== "stats" && action !== "clear") return undefined;
  const { cacheDirectory } = toCacheOptions({ "cache-dir": flags["cache-dir"] }, env);
  if (cacheDirectory === undefined) return undefined;
  // Only the user's own has it: in a directory that is named it would be something else
  if (action === "clear" && rest.length === 0 && flags["cache-dir"] === undefined) {
    await rm(join(cacheDirectory, COMPILED_DIRECTORY), { recursive: true, force: true });
  }
  return action === "clear"
    ? await clearTagCache(cacheDirectory, rest)
    : await inspectTagCache(cacheDirectory);
}

async function runAction(
  action: string,
  { flags, rest }: CommandArguments<typeof FLAGS>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CacheReport> {
  const { cacheDirectory, cacheLimitBytes, cacheTtlMs } = toCachePlace(flags, env);
  if (!TAKES_NAMES.has(action) && (action === "rm") === (rest.length === 0)) {
    throw new UsageError(
      action === "rm" ? "No image to remove is named" : `Cannot name images for "${action}"`,
    );
  }
  switch (action) {
    case "ls":
      return await inspectCache(cacheDirectory);
    case "stats":
    case "warm":
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

/** What may be named, and need not. */
const TAKES_NAMES: ReadonlySet<string> = new Set(["clear", "warm"]);

function toCachePlace(
  flags: CommandArguments<typeof FLAGS>["flags"],
  env: Readonly<Record<string, string | undefined>>,
) {
  const { cacheDirectory, ...options } = toUpstreamOptions(flags, env);
  if (cacheDirectory !== undefined) return { ...options, cacheDirectory };
  throw new UsageError("No cache: there is no home directory", { hint: "Name it with --cache" });
}

function renderImages({ images, pushed }: CacheReport): string {
  const rows = [
    ...images.map(({ checkedAt, digest, image }) => [image, digest, checkedAt]),
    ...pushed.map(({ digest, image }) => [image, digest, "pushed"]),
  ];
  return rows.map(([image = "", ...rest]) => `${[sanitize(image), ...rest].join(" ")}\n`).join("");
}

interface ShownReport extends CacheReport {
  readonly knownTags?: TagCacheReport;
  readonly warmed?: readonly WarmedImage[];
}

function renderTotals({
  directory,
  images,
  knownTags,
  pushed,
  removed,
  totals,
  warmed = [],
}: ShownReport): string {
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
  const lines = warmed.map(renderWarmed).join("");
  return `${lines}${gone}${sanitize(directory)}: ${formatBytes(bytes)}, ${counts.join(", ")}\n${known}`;
}

function renderWarmed({ failure, fetchedBytes, image }: WarmedImage): string {
  const fetched = fetchedBytes === 0 ? "was kept" : `fetched ${formatBytes(fetchedBytes)}`;
  return `${sanitize(image)}: ${failure ? `failed: ${sanitize(failure.message)}` : fetched}\n`;
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
