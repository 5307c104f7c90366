import type { ProgressView, Transfer } from "./progress.ts";
import { sanitize, shortDigest, shorten } from "./sanitize.ts";
import { formatBytes, formatDuration, formatRate, formatShare } from "./units.ts";

const BAR_WIDTH = 24;
const LABEL_WIDTH = 36;

/** `total  ████████░░░░░░░░  50%  24.0 MB of 48.0 MB  1.2 MB/s  20 s left`. */
export function renderOverallBar(view: ProgressView): string {
  return [
    "total".padEnd(LABEL_WIDTH),
    renderBar(view.doneBytes, view.totalBytes),
    formatShare(view.doneBytes, view.totalBytes).padStart(4),
    `${formatBytes(view.doneBytes)} of ${formatBytes(view.totalBytes)}`,
    formatRate(view.bytesPerSecond),
    ...(view.secondsLeft === undefined ? [] : [`${formatDuration(view.secondsLeft)} left`]),
  ].join("  ");
}

export function renderTransferBar({ label, digest, size, doneBytes }: Transfer): string {
  const name = shorten(sanitize(label), LABEL_WIDTH - 15);
  return [
    `  ${name} ${shortDigest(digest)}`.padEnd(LABEL_WIDTH),
    renderBar(doneBytes, size),
    formatShare(doneBytes, size).padStart(4),
    `${formatBytes(doneBytes)} of ${formatBytes(size)}`,
  ].join("  ");
}

function renderBar(done: number, total: number): string {
  const filled = total > 0 ? Math.floor(Math.min(1, done / total) * BAR_WIDTH) : BAR_WIDTH;
  return "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
}
