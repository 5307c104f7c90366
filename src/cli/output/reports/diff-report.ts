import type { ComparedImage, DiffReport, DiffSide } from "../../../index.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { formatBytes, formatCount } from "../units.ts";

export interface DiffReportOptions {
  /** Also what only digests name. */
  readonly isWhole: boolean;
}

/** One line for each name that is on one side only, or means something else there. */
export function renderDiff(report: DiffReport, { isWhole }: DiffReportOptions): string {
  const { left, right, added, removed, changed } = report;
  const named = (images: readonly ComparedImage[]) =>
    images.filter((image) => isWhole || !isByDigest(image));
  return [
    `- ${renderSide(left)}`,
    `+ ${renderSide(right)}`,
    "",
    ...named(removed).map((image) => `- ${renderImage(image)}`),
    ...named(added).map((image) => `+ ${renderImage(image)}`),
    ...changed.map(
      ({ from, to }) =>
        `~ ${sanitize(nameOfCompared(to))}  ${shortDigest(from.digest)} -> ${shortDigest(to.digest)}`,
    ),
    ...restOf(report, isWhole).map((line) => `  ${line}`),
    renderTotals(report),
    "",
  ].join("\n");
}

export function renderSide({ kind, name, images }: DiffSide): string {
  return sanitize(`${kind} ${name} (${formatCount(images, "name")})`);
}

/** `modules/foo:v1.3.0`; what has no tag, or that of its digest, by its digest. */
export function nameOfCompared(image: ComparedImage): string {
  const { repository, tag, digest } = image;
  return isByDigest(image) ? `${repository}@${shortDigest(digest)}` : `${repository}:${tag}`;
}

export function isByDigest({ tag }: ComparedImage): boolean {
  return tag === undefined || /^[0-9a-f]{64}$/.test(tag);
}

function renderImage(image: ComparedImage): string {
  const size = image.size === undefined ? "" : `  ${formatBytes(image.size)}`;
  return sanitize(`${nameOfCompared(image)}${size}`);
}

/** What is counted, and not listed. */
export function restOf({ added, removed }: DiffReport, isWhole: boolean): readonly string[] {
  if (isWhole) return [];
  const count = (images: readonly ComparedImage[]) => images.filter(isByDigest).length;
  return [
    ...(count(removed) > 0 ? [`and ${count(removed)} less that only digests name`] : []),
    ...(count(added) > 0 ? [`and ${count(added)} more that only digests name`] : []),
  ];
}

export function renderTotals(report: DiffReport): string {
  const { added, removed, changed, bytes, isSame, sameCount } = report;
  if (isSame) return `Both have the same: ${formatCount(sameCount, "name")}.`;
  return [
    `${added.length} added (${formatBytes(bytes.added)})`,
    `${removed.length} removed (${formatBytes(bytes.removed)})`,
    `${changed.length} changed (${formatBytes(bytes.changed.from)} -> ${formatBytes(bytes.changed.to)})`,
    `${sameCount} the same`,
  ].join(", ");
}
