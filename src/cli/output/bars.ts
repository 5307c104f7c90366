import type { ProgressView, Transfer } from "./progress.ts";
import { sanitize, shortDigest, shorten } from "./sanitize.ts";
import { formatBytes, formatCount, formatDuration, formatRate, formatShare } from "./units.ts";

const BAR_WIDTH = 24;
const LABEL_WIDTH = 36;
/** Names below this width are shown without a digest. */
const DIGEST_LABEL_WIDTH = 28;
/** ` 100%  999.9 MB of 999.9 MB  999.9 MB/s  59 min 59 s left`, and what separates it from a label and a bar. */
const FIGURES_WIDTH = 62;
/** Terminals with fewer columns have no room for a label and a bar, or not even for both numbers of bytes. */
const BAR_COLUMNS = 76;
const BYTES_COLUMNS = 60;

/** `total  ████████░░░░░░░░  50%  24.0 MB of 48.0 MB  1.2 MB/s  20 s left`; what matters most is left in narrow terminals. */
export function renderOverallBar(view: ProgressView, columns: number): string {
  const { doneBytes, totalBytes, bytesPerSecond, secondsLeft } = view;
  return [
    ...(columns < BAR_COLUMNS ? [] : renderHead("total", { doneBytes, size: totalBytes }, columns)),
    formatShare(doneBytes, totalBytes).padStart(4),
    ...(columns < BYTES_COLUMNS ? [] : [`${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`]),
    formatRate(bytesPerSecond),
    ...(secondsLeft === undefined ? [] : [`${formatDuration(secondsLeft)} left`]),
  ].join("  ");
}

export function renderTransferBar(transfer: Transfer, columns: number): string {
  const { doneBytes, size } = transfer;
  const share = formatShare(doneBytes, size).padStart(4);
  if (columns < BAR_COLUMNS) return `${share}  ${renderName(transfer, Math.max(8, columns - 8))}`;
  const name = `  ${renderName(transfer, labelWidth(columns) - 2)}`;
  return [
    ...renderHead(name, transfer, columns),
    share,
    `${formatBytes(doneBytes)} of ${formatBytes(size)}`,
  ].join("  ");
}

/** `resolving  12 lookups  registry.test/acme/modules/foo:v1.3.0`. */
export function renderResolving(
  { lookups, reference }: NonNullable<ProgressView["resolving"]>,
  columns: number,
): string {
  const head = `resolving  ${formatCount(lookups, "lookup")}`;
  return `${head}  ${shorten(sanitize(reference), Math.max(8, columns - head.length - 3))}`;
}

function renderName({ label, digest }: Transfer, width: number): string {
  if (width < DIGEST_LABEL_WIDTH) return shorten(sanitize(label), width);
  return `${shorten(sanitize(label), width - 13)} ${shortDigest(digest)}`;
}

function renderHead(
  label: string,
  { doneBytes, size }: Pick<Transfer, "doneBytes" | "size">,
  columns: number,
): readonly string[] {
  const width = labelWidth(columns);
  const barWidth = Math.min(BAR_WIDTH, columns - FIGURES_WIDTH - width);
  return [label.padEnd(width), renderBar(doneBytes, size, barWidth)];
}

/** The bar gets a third of what the figures leave, names need the rest. */
function labelWidth(columns: number): number {
  return Math.min(LABEL_WIDTH, Math.ceil(((columns - FIGURES_WIDTH) * 2) / 3));
}

function renderBar(done: number, total: number, width: number): string {
  const filled = total > 0 ? Math.floor(Math.min(1, done / total) * width) : width;
  return "█".repeat(filled) + "░".repeat(width - filled);
}
