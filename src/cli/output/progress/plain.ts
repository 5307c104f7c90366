import type { Writable } from "node:stream";
import { sanitize } from "../sanitize.ts";
import { formatBytes, formatCount, formatDuration, formatRate, formatShare } from "../units.ts";
import { renderEventLine } from "./event-line.ts";
import { type ProgressView, TransferProgress } from "./progress.ts";
import type { Renderer } from "./renderer.ts";
import { type Repeat, repeat } from "./repeat.ts";

const INTERVAL_MS = 10_000;

export interface PlainRendererOptions {
  readonly stream: Writable;
  readonly now?: () => number;
  readonly every?: Repeat;
}

/** For logs: one line every ten seconds, and one per finished package. */
export function createPlainRenderer({
  stream,
  now = Date.now,
  every = repeat,
}: PlainRendererOptions): Renderer {
  const progress = new TransferProgress(now);
  const onLine = (text: string) => {
    stream.write(`${text}\n`);
  };
  const stop = every(INTERVAL_MS, () => {
    const view = progress.view();
    if (view.resolving !== undefined) onLine(renderResolvingLine(view.resolving));
    else if (view.totalBytes > 0) onLine(renderProgressLine(view));
  });
  return {
    onEvent: (event) => {
      progress.apply(event);
      const line = renderEventLine(event);
      if (line !== undefined) onLine(line);
    },
    onLine,
    [Symbol.dispose]: stop,
  };
}

/** `resolving: 12 lookups, 3.4 MB, 1.2 MB/s, now registry.test/acme/modules/foo:v1.3.0`. */
function renderResolvingLine({
  lookups,
  reference,
  bytes,
  bytesPerSecond,
}: NonNullable<ProgressView["resolving"]>): string {
  const moved = `${formatBytes(bytes)}, ${formatRate(bytesPerSecond)}`;
  return `resolving: ${formatCount(lookups, "lookup")}, ${moved}, now ${sanitize(reference)}`;
}

/** `12.0 MB of 48.0 MB (25%), 1.2 MB/s, 30 s left, 3 transfers`. */
function renderProgressLine(view: ProgressView): string {
  return [
    `${formatBytes(view.doneBytes)} of ${formatBytes(view.totalBytes)} (${formatShare(view.doneBytes, view.totalBytes)})`,
    formatRate(view.bytesPerSecond),
    ...(view.secondsLeft === undefined ? [] : [`${formatDuration(view.secondsLeft)} left`]),
    ...(view.running.length > 0 ? [formatCount(view.running.length, "transfer")] : []),
  ].join(", ");
}
