import type { PruneEntry, PruneList, PruneSummary } from "../../../index.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { formatBytes, formatCount } from "../units.ts";
import { renderFailures } from "./failure-list.ts";

/** What would go, by repository, and how to go on. */
export function renderPruneList(list: PruneList, path: string | undefined): string {
  const { deletes, target, totals } = list;
  if (deletes.length === 0)
    return `${sanitize(`Everything in ${target} is needed by what is kept.`)}\n`;
  const next =
    path === undefined
      ? "Nothing was deleted. Write the list with --out FILE, read it, and apply it with --apply FILE"
      : `Nothing was deleted. Read "${path}", take out what is to stay, then: mirror prune ${target} --apply ${path}`;
  return [
    ...deletes.map(renderEntry),
    "",
    `${formatCount(totals.manifests, "manifest")} with ${formatCount(totals.tags, "tag")} in ${formatCount(totals.repositories, "place")}; the registry's collector can free up to ${formatBytes(totals.bytes)}`,
    sanitize(next),
    "",
  ].join("\n");
}

function renderEntry({ repository, digest, kind, tags }: PruneEntry): string {
  const name = tags.length > 0 ? `:${tags.join(",")}` : "";
  return sanitize(
    `${repository === "" ? "." : repository}${name}  ${kind}  ${shortDigest(digest)}`,
  );
}

export function renderPruneSummary(summary: PruneSummary): string {
  const { deleted, failures, goneCount, kept, target } = summary;
  const tags = deleted.reduce((sum, entry) => sum + entry.tags.length, 0);
  return [
    ...renderFailures(failures),
    `deleted ${formatCount(deleted.length, "manifest")} with ${formatCount(tags, "tag")}, already gone ${goneCount}, kept as needed by now ${kept.length}`,
    failures.length > 0
      ? `${formatCount(failures.length, "failure")}. Remove the cause and run the same command again.`
      : sanitize(
          `Now let the collector of the registry of ${target} run: it frees what nothing refers to.`,
        ),
    "",
  ].join("\n");
}
