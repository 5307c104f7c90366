import { sanitize, shortDigest, shorten } from "../sanitize.ts";
import { formatBytes, formatCount, formatDuration, formatRate, formatShare } from "../units.ts";
import type { ProgressView, Transfer } from "./progress.ts";

/** Bars of 80 columns, and the longest that wide terminals get. */
const BAR_WIDTH = 12;
const WIDE_BAR_WIDTH = 24;
/** ` 100%  999.9 MB of 999.9 MB  999.9 MB/s  59 min 59 s left`, and what separates it from the bar. */
const FIGURES_WIDTH = 60;
/** `999.9 MB of 999.9 MB`. */
const BYTES_WIDTH = 20;
/** Terminals with fewer columns have no room for bars, or not even for both numbers of bytes. */
const BAR_COLUMNS = BAR_WIDTH + FIGURES_WIDTH;
const BYTES_COLUMNS = 60;
/** Names below this width are shown without a digest. */
const DIGEST_LABEL_WIDTH = 28;

/** `██████░░░░░░   50%  24.0 MB of 48.0 MB  1.2 MB/s  20 s left`; what matters most is left in narrow terminals. */
export function renderOverallBar(view: ProgressView, columns: number): string {
  const { doneBytes, totalBytes, bytesPerSecond, secondsLeft } = view;
  return [
    ...(columns < BAR_COLUMNS ? [] : [renderBar(doneBytes, totalBytes, barWidth(columns))]),
    formatShare(doneBytes, totalBytes).padStart(4),
    ...(columns < BYTES_COLUMNS ? [] : [`${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`]),
    formatRate(bytesPerSecond),
    ...(secondsLeft === undefined ? [] : [`${formatDuration(secondsLeft)} left`]),
  ].join("  ");
}

/** `██████░░░░░░   50%  24.0 MB of 48.0 MB  module-foo 44136fa355b3`. */
export function renderTransferBar(transfer: Transfer, columns: number): string {
  const { doneBytes, size } = transfer;
  const share = formatShare(doneBytes, size).padStart(4);
  if (columns < BAR_COLUMNS) return `${share}  ${renderName(transfer, Math.max(8, columns - 8))}`;
  const figures = [
    renderBar(doneBytes, size, barWidth(columns)),
    share,
    `${formatBytes(doneBytes)} of ${formatBytes(size)}`.padEnd(BYTES_WIDTH),
  ].join("  ");
  return `${figures}  ${renderName(transfer, columns - figures.length - 3)}`;
}

/** `resolving  12 lookups  3.4 MB  1.2 MB/s  registry.test/acme/modules/foo:v1.3.0`. */
export function renderResolving(
  { lookups, reference, bytes, bytesPerSecond }: NonNullable<ProgressView["resolving"]>,
  columns: number,
): string {
  const counts = [formatCount(lookups, "lookup"), formatBytes(bytes), formatRate(bytesPerSecond)];
  const head = ["resolving", ...counts].join("  ");
  const room = columns - head.length - 3;
  return room < 8 ? head.slice(0, columns - 1) : `${head}  ${shorten(sanitize(reference), room)}`;
}

function renderName({ label, digest }: Transfer, width: number): string {
  if (width < DIGEST_LABEL_WIDTH) return shorten(sanitize(label), width);
  return `${shorten(sanitize(label), width - 13)} ${shortDigest(digest)}`;
}

function barWidth(columns: number): number {
  return Math.min(WIDE_BAR_WIDTH, Math.max(BAR_WIDTH, columns - FIGURES_WIDTH - 8));
}

function renderBar(done: number, total: number, width: number): string {
  const filled = total > 0 ? Math.floor(Math.min(1, done / total) * width) : width;
  return "█".repeat(filled) + "░".repeat(width - filled);
}
