import type { PullPlanReport, PullSummary } from "../../index.ts";
import { renderPackages } from "./package-table.ts";
import { sanitize } from "./sanitize.ts";
import { formatBytes } from "./units.ts";

/** What a pull did, and what to do next. */
export function renderPullSummary(summary: PullSummary): string {
  const path = sanitize(summary.bundlePath);
  return [
    renderPackages(summary.manifest.packages.map(withImages)),
    `fetched ${formatBytes(summary.fetchedBytes)}, already there ${formatBytes(summary.reusedBytes)}, copied inside the bundle ${formatBytes(summary.copiedBytes)}`,
    `The bundle "${path}" is complete: ${formatBytes(summary.bytes)}.`,
    `Next: mirror verify ${path}, then mirror push ${path} <registry>/<repository>\n`,
  ].join("\n");
}

/** What a pull would do. */
export function renderPlan(plan: PullPlanReport): string {
  const free =
    plan.freeBytes === undefined ? "unknown" : `${formatBytes(plan.freeBytes)}${warning(plan)}`;
  return [
    renderPackages(plan.packages),
    `to fetch    ${formatBytes(plan.fetchBytes)}`,
    `to store    ${formatBytes(plan.bytes)}`,
    `free space  ${free}\n`,
  ].join("\n");
}

function warning({ freeBytes = 0, bytes }: PullPlanReport): string {
  return freeBytes < bytes ? " (not enough)" : "";
}

function withImages(one: PullSummary["manifest"]["packages"][number]) {
  return { ...one, images: one.layouts.flatMap(({ images }) => images) };
}
