import type { BundleManifest, PullOutcome, PullPlanReport } from "../../../index.ts";
import type { Listing } from "../../options/bundle.ts";
import { isAddressedByDigest, type NamedImage, renderImageName } from "../image-name.ts";
import { sanitize } from "../sanitize.ts";
import { formatBytes, formatCount } from "../units.ts";
import { renderFailures } from "./failure-list.ts";
import { renderOmissions } from "./omissions.ts";
import { type PackageRow, renderPackages } from "./package-table.ts";
import { renderSignatures } from "./signatures.ts";

export interface PullReportOptions {
  readonly listing?: Listing;
}

/** What a pull did, and what to do next. */
export function renderPullSummary(
  summary: PullOutcome,
  { listing = "packages" }: PullReportOptions = {},
): string {
  const { fetchedBytes, reusedBytes, copiedBytes } = summary;
  return [
    ...renderFailures(summary.failures),
    ...(summary.complete ? renderContents(summary.manifest.packages.map(withImages), listing) : []),
    `fetched ${formatBytes(fetchedBytes)}, already there ${formatBytes(reusedBytes)}, copied inside the bundle ${formatBytes(copiedBytes)}`,
    ...renderSignatures(summary.signatures),
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
  { listing = "versions" }: PullReportOptions = {},
): string {
  const free =
    plan.freeBytes === undefined ? "unknown" : `${formatBytes(plan.freeBytes)}${warning(plan)}`;
  return [
    ...renderFailures(plan.failures),
    ...renderContents(plan.packages, listing),
    ...plan.packages.flatMap(({ images }) => images.flatMap(renderOmissions)),
    ...renderSignatures(plan.signatures),
    ...renderChartImages(plan.chartImages ?? []),
    `to fetch    ${formatBytes(plan.missingBytes)}${present(plan)}`,
    `to store    ${formatBytes(plan.bytes)}`,
    `free space  ${free}\n`,
  ].join("\n");
}

/** What charts name: with a place, as a guess has to be judged by somebody who knows the chart. */
function renderChartImages(images: NonNullable<PullPlanReport["chartImages"]>): readonly string[] {
  const charts = [...new Set(images.map(({ chart }) => chart))];
  return charts.flatMap((chart) => [
    `images that ${sanitize(chart)} names`,
    ...images
      .filter((one) => one.chart === chart)
      .map(({ image, place, isTaken, reason = "" }) =>
        sanitize(`  ${image}  ${isTaken ? "taken" : `not taken: ${reason}`}  (${place})`),
      ),
  ]);
}

function present({ fetchBytes, missingBytes }: PullPlanReport): string {
  const bytes = fetchBytes - missingBytes;
  return bytes > 0 ? ` (${formatBytes(bytes)} more are already there)` : "";
}

function warning({ freeBytes = 0, neededBytes }: PullPlanReport): string {
  return freeBytes < neededBytes ? ` (not enough: ${formatBytes(neededBytes)} are needed)` : "";
}

interface Package extends PackageRow {
  readonly images: readonly (NamedImage & { readonly size: number; readonly subject?: string })[];
}

function renderContents(packages: readonly Package[], listing: Listing): readonly string[] {
  if (listing === "packages") return [renderPackages(packages)];
  const lines = packages.flatMap((one) => [
    sanitize(one.name),
    ...(listing === "images" ? one.images.map(renderImage) : renderVersions(one)),
  ]);
  return [renderPackages(packages), ...lines, ""];
}

function renderImage(image: Package["images"][number]): string {
  return `  ${renderImageName(image)}  ${formatBytes(image.size)}`;
}

/** `  modules/foo: v1.3.0, v1.4.1` for each repository; what only digests name, and what belongs to others, is counted. */
function renderVersions({ images: all }: Package): readonly string[] {
  const images = all.filter(({ subject }) => subject === undefined);
  const belonging = all.length - images.length;
  const named = images.filter((image) => !isAddressedByDigest(image));
  const repositories = [...new Set(named.map(({ repository }) => repository))];
  const rest = images.length - named.length;
  return [
    ...repositories.map((repository) => {
      const own = named.filter((image) => image.repository === repository);
      const tags = own.flatMap((image) => image.tags);
      return sanitize(`  ${repository}: ${[...new Set(tags)].join(", ")}`);
    }),
    ...(rest > 0 ? [`  and ${formatCount(rest, "image")} that they need, by digest`] : []),
    ...(belonging > 0 ? [`  and ${formatCount(belonging, "referrer")} of images`] : []),
  ];
}

function withImages(one: BundleManifest["packages"][number]) {
  return { ...one, images: one.layouts.flatMap(({ images }) => images) };
}

/** A path as a word of a command line that is to be copied: quoted where a POSIX shell would take it apart. */
function shellWord(path: string): string {
  const text = sanitize(path);
  return /^[\p{L}\p{N}_./:@%+=,-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
