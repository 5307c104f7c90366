import type { ComparedImage, DiffReport } from "../../../index.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { formatBytes } from "../units.ts";
import {
  type DiffReportOptions,
  isByDigest,
  nameOfCompared,
  renderSide,
  renderTotals,
  restOf,
} from "./diff-report.ts";

/** The same for a merge request: versions of each repository, then a table of what changed. */
export function renderDiffMarkdown(report: DiffReport, { isWhole }: DiffReportOptions): string {
  const { left, right, added, removed, changed } = report;
  const named = (images: readonly ComparedImage[]) =>
    images.filter((image) => isWhole || !isByDigest(image));
  return [
    `**${escapeMarkdown(renderSide(left))}** → **${escapeMarkdown(renderSide(right))}**`,
    "",
    renderTotals(report),
    ...tableOf("Added", named(added)),
    ...tableOf("Removed", named(removed)),
    ...(changed.length === 0
      ? []
      : [
          "",
          "### Changed",
          "",
          "| name | from | to |",
          "| --- | --- | --- |",
          ...changed.map(
            ({ from, to }) =>
              `| ${code(nameOfCompared(to))} | ${code(shortDigest(from.digest))} | ${code(shortDigest(to.digest))} |`,
          ),
        ]),
    ...restOf(report, isWhole).flatMap((line) => ["", line]),
    "",
  ].join("\n");
}

function tableOf(title: string, images: readonly ComparedImage[]): readonly string[] {
  if (images.length === 0) return [];
  const rows = images.map(({ size, ...image }) => {
    const shown = size === undefined ? "" : formatBytes(size);
    return `| ${code(nameOfCompared(image))} | ${code(shortDigest(image.digest))} | ${shown} |`;
  });
  return ["", `### ${title}`, "", "| name | digest | size |", "| --- | --- | ---: |", ...rows];
}

/** Names of a registry are no Markdown. */
function code(text: string): string {
  return `\`${sanitize(text).replaceAll(/[`|]/g, "?")}\``;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_<>[\]|]/g, "\\$&");
}
