import type { OutdatedReport } from "../../../index.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { formatBytes } from "../units.ts";
import { renderSide } from "./diff-report.ts";
import { renderFailures } from "./failure-list.ts";

/** Tags that are told before they are only counted. */
const NAMED = 3;

/** A line for each tag that is new, has moved or is gone. */
export function renderOutdated(report: OutdatedReport): string {
  const { against, bytes, failures, isOutdated, unnamed } = report;
  const { goneTags, leftTags, movedTags, newTags, newerTags } = report;
  const lines = [
    ...newTags.map(
      ({ repository, tag, size }) =>
        `new    ${repository}:${tag}${size === undefined ? "" : `  ${formatBytes(size)}`}`,
    ),
    ...movedTags.map(
      ({ repository, tag, from, digest }) =>
        `moved  ${repository}:${tag}  ${shortDigest(from)} -> ${shortDigest(digest)}`,
    ),
    ...goneTags.map(({ repository, tag }) => `gone   ${repository}:${tag}`),
    ...leftTags.map(({ repository, tag }) => `left   ${repository}:${tag} (no longer taken)`),
    ...newerTags.map(
      ({ repository, tag, newer }) => `newer  ${repository}:${tag}  there is ${nameSome(newer)}`,
    ),
    ...(unnamed.added > 0 ? [`and ${unnamed.added} new that only digests name`] : []),
    ...(unnamed.removed > 0 ? [`and ${unnamed.removed} less that only digests name`] : []),
    ...renderFailures(failures),
    isOutdated
      ? `${newTags.length} new, ${movedTags.length} moved, ${goneTags.length} gone; ${formatBytes(bytes)} to fetch`
      : `Nothing is new against ${renderSide(against)}`,
  ];
  return `${lines.map(sanitize).join("\n")}\n`;
}

/** The highest, and how many more. */
function nameSome(tags: readonly string[]): string {
  const rest = tags.length > NAMED ? ` and ${tags.length - NAMED} more` : "";
  return `${tags.slice(0, NAMED).join(", ")}${rest}`;
}
