import type { OutdatedReport } from "../../../index.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { formatBytes } from "../units.ts";
import { renderSide } from "./diff-report.ts";
import { renderFailures } from "./failure-list.ts";

/** A line for each tag that is new, has moved or is gone. */
export function renderOutdated(report: OutdatedReport): string {
  const { against, bytes, failures, goneTags, isOutdated, leftTags, movedTags, newTags, unnamed } =
    report;
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
    ...(unnamed.added > 0 ? [`and ${unnamed.added} new that only digests name`] : []),
    ...(unnamed.removed > 0 ? [`and ${unnamed.removed} less that only digests name`] : []),
    ...renderFailures(failures),
    isOutdated
      ? `${newTags.length} new, ${movedTags.length} moved, ${goneTags.length} gone; ${formatBytes(bytes)} to fetch`
      : `Nothing is new against ${renderSide(against)}`,
  ];
  return `${lines.map(sanitize).join("\n")}\n`;
}
