import type { BundleManifest, PullOutcome, PullPlanReport } from "../../index.ts";
import { renderFailures } from "./failure-list.ts";
import { type NamedImage, renderImageName } from "./image-name.ts";
import { type PackageRow, renderPackages } from "./package-table.ts";
import { sanitize } from "./sanitize.ts";
import { shellWord } from "./shell-word.ts";
import { formatBytes, formatCount } from "./units.ts";

export interface PullReportOptions {
  /** Every image is listed below the packages. */
  readonly isVerbose?: boolean | undefined;
}

/** What a pull did, and what to do next. */
export function renderPullSummary(
  summary: PullOutcome,
  { isVerbose = false }: PullReportOptions = {},
): string {
  const { fetchedBytes, reusedBytes, copiedBytes } = summary;
  return [
    ...renderFailures(summary.failures),
    ...(summary.complete
      ? renderContents(summary.manifest.packages.map(withImages), isVerbose)
      : []),
    `fetched ${formatBytes(fetchedBytes)}, already there ${formatBytes(reusedBytes)}, copied inside the bundle ${formatBytes(copiedBytes)}`,
    ...renderConclusion(summary),
    "",
  ].join("\n");
}

function renderConclusion({ complete, bundlePath, bytes, failures }: PullOutcome) {
  const path = sanitize(bundlePath);
  const word = shellWord(bundlePath);
  return complete
    ? [
        `The bundle "${path}" is complete: ${formatBytes(bytes)}.`,
        `Next: mirror verify ${word}, then mirror push ${word} <registry>/<repository>`,
      ]
    : [
        `The bundle "${path}" is not complete: ${formatCount(failures.length, "failure")}. Remove the cause and run the same command again; what has arrived is kept.`,
      ];
}

/** What a pull would do. */
export function renderPlan(
  plan: PullPlanReport,
  { isVerbose = false }: PullReportOptions = {},
): string {
  const free =
    plan.freeBytes === undefined ? "unknown" : `${formatBytes(plan.freeBytes)}${warning(plan)}`;
  return [
    ...renderContents(plan.packages, isVerbose),
    `to fetch    ${formatBytes(plan.missingBytes)}${present(plan)}`,
    `to store    ${formatBytes(plan.bytes)}`,
    `free space  ${free}\n`,
  ].join("\n");
}

function present({ fetchBytes, missingBytes }: PullPlanReport): string {
  const bytes = fetchBytes - missingBytes;
  return bytes > 0 ? ` (${formatBytes(bytes)} more are there from an earlier pull)` : "";
}

function warning({ freeBytes = 0, neededBytes }: PullPlanReport): string {
  return freeBytes < neededBytes ? ` (not enough: ${formatBytes(neededBytes)} are needed)` : "";
}

interface Package extends PackageRow {
  readonly images: readonly (NamedImage & { readonly size: number })[];
}

function renderContents(packages: readonly Package[], isVerbose: boolean): readonly string[] {
  if (!isVerbose) return [renderPackages(packages)];
  const images = packages.flatMap((one) => [
    sanitize(one.name),
    ...one.images.map((image) => `  ${renderImageName(image)}  ${formatBytes(image.size)}`),
  ]);
  return [renderPackages(packages), ...images, ""];
}

function withImages(one: BundleManifest["packages"][number]) {
  return { ...one, images: one.layouts.flatMap(({ images }) => images) };
}
