import { compareTexts } from "../../compare-texts.ts";
import type { ExtraFile } from "../../contents/contents.ts";
import type { MirrorError } from "../../errors.ts";
import type { Failure } from "../../failure.ts";
import { isDigest } from "../../oci/digest.ts";
import { option } from "../../option.ts";
import { joinSignals } from "../../run/batch.ts";
import { SelectionInvalidError, SelectionUnmatchedError } from "../errors.ts";
import type { Selection, SourceSelection } from "../grammar/selection.ts";
import type { SelectionNoticeCode } from "../notice.ts";
import { type NamedChartImage, resolveChartImages } from "./charts/resolve-chart-images.ts";
import { resolveCharts } from "./charts/resolve-charts.ts";
import { describeExclusions, type Exclusion } from "./exclusion.ts";
import { checkClosure } from "./product/closure.ts";
import { type Component, resolveComponent } from "./product/component.ts";
import { describeReleases } from "./product/release-documents.ts";
import { INSTALLER } from "./product/resolve-installer.ts";
import { MODULES_COMPONENT, PACKAGES_COMPONENT } from "./product/resolve-modules.ts";
import { PACKAGE_VERSIONS } from "./product/resolve-package-versions.ts";
import { PLATFORM } from "./product/resolve-platform.ts";
import { resolvePlugins } from "./product/resolve-plugins.ts";
import { SECURITY } from "./product/resolve-security.ts";
import { resolveAttestations } from "./resolve-attestations.ts";
import { resolveFiles } from "./resolve-files.ts";
import { resolveImages } from "./resolve-images.ts";
import type { Root } from "./root.ts";
import {
  createSourceReader,
  type SourceReader,
  type SourceReaderOptions,
} from "./source-reader.ts";
import { allMatched } from "./unmatched.ts";

export type ResolveSelectionOptions = SourceReaderOptions;

export interface ResolvedSelection {
  readonly roots: readonly Root[];
  /** Files that are made of what was read. */
  readonly files: readonly ExtraFile[];
  /** What is left out because something says so, sorted. */
  readonly exclusions: readonly Exclusion[];
  /** What was named and cannot be had; the rest is not affected. */
  readonly failures: readonly Failure[];
  /** What charts name, taken or not. */
  readonly chartImages: readonly NamedChartImage[];
}

/** What a source can offer. */
const COMPONENTS: readonly Component[] = [
  PLATFORM,
  INSTALLER,
  SECURITY,
  MODULES_COMPONENT,
  PACKAGES_COMPONENT,
  PACKAGE_VERSIONS,
];

/**
 * Wishes → manifests. Each tag list and manifest is requested once, at most `concurrency` requests run at a time, and
 * the answer is in the same order however they end. Notices come sorted, after the last request. Whatever the source
 * lacks is one `SELECTION_UNMATCHED`; any other failure stops the run.
 */
export async function resolveSelection(
  selection: Selection,
  options: ResolveSelectionOptions,
): Promise<ResolvedSelection> {
  const stop = new AbortController();
  const notices = new Map<string, { code: SelectionNoticeCode; message: string }>();
  const exclusions = new Map<string, Exclusion>();
  const signal = joinSignals(options.signal, stop.signal);
  const reader = createSourceReader({
    ...options,
    signal,
    onNotice: (code, message) => notices.set(`${code}: ${message}`, { code, message }),
    onExcluded: (one) => exclusions.set(`${one.repository} ${one.tag ?? ""}`, one),
  });
  try {
    const results = await allMatched<Offered>([
      resolveSource(selection, reader),
      resolveImages(selection, reader),
      resolveChartRoots(selection, reader),
      resolveFiles(selection, reader).then((roots) => ({ roots })),
    ]);
    const found = results.flatMap(({ roots }) => roots);
    const denied = results.find((result) => result.denied)?.denied;
    if (found.length === 0 && denied) throw denied;
    checkClosure(found);
    const files = results.flatMap((result) => result.files ?? []);
    const sorted = [...exclusions].sort(([a], [b]) => compareTexts(a, b)).map(([, one]) => one);
    const failures = results.flatMap((result) => result.failures ?? []);
    const chartImages = results.flatMap((result) => result.chartImages ?? []);
    const merged = mergeRoots(found);
    const roots = failures.length > 0 ? merged : requireRoots(merged, sorted);
    for (const { message } of describeExclusions(sorted)) reader.notice("LEFT_OUT", message);
    return { roots, files, exclusions: sorted, failures, chartImages };
  } finally {
    stop.abort();
    await reader.end();
    for (const [, { code, message }] of [...notices].sort(([a], [b]) => compareTexts(a, b))) {
      options.onNotice?.(code, message);
    }
  }
}

interface Offered {
  readonly roots: readonly Root[];
  readonly files?: readonly ExtraFile[];
  readonly denied?: MirrorError | undefined;
  readonly failures?: readonly Failure[];
  readonly chartImages?: readonly NamedChartImage[];
}

/** Charts, and the images that they name. */
async function resolveChartRoots(selection: Selection, reader: SourceReader): Promise<Offered> {
  const { charts, failures } = await resolveCharts(selection, reader);
  const found = await resolveChartImages(charts, selection, reader);
  return {
    roots: [...charts.map(({ root }) => root), ...found.roots],
    failures: [...failures, ...found.failures],
    chartImages: found.images,
  };
}

/** All components at once, then what follows from their roots: plugins that modules need, attestations of images. */
async function resolveSource(selection: Selection, reader: SourceReader): Promise<Offered> {
  const { source } = selection;
  if (source === undefined) return { roots: [] };
  const sourced: SourceSelection = { ...selection, source };
  const results = await allMatched(
    COMPONENTS.map((component) => resolveComponent(component, sourced, reader)),
  );
  const missing = new Set(results.flatMap((result) => result.missing ?? []));
  if (missing.size > 0) {
    reader.notice("COMPONENTS_MISSING", `The source has no ${[...missing].join(", no ")}`);
  }
  const roots = results.flatMap((result) => result.roots);
  const followers = await allMatched([
    resolvePlugins(sourced, roots, reader),
    resolveAttestations(sourced, roots, reader),
  ]);
  const denied = results.find((result) => result.denied)?.denied;
  const files = await describeReleases(sourced, roots, reader);
  return { roots: [...roots, ...followers.flat()], files, denied };
}

function requireRoots(roots: Root[], [first]: readonly Exclusion[]): Root[] {
  if (roots.length > 0) return roots;
  if (first !== undefined) {
    throw new SelectionUnmatchedError("anything to pull", `all is left out: ${first.reason}`);
  }
  throw new SelectionUnmatchedError("anything to pull", "the selection takes no image", {
    hint: `Name modules with ${option("includeModules")} or images with ${option("includeImages")}`,
  });
}

/** One root per layout, repository and digest, with the tags of all that were merged. */
function mergeRoots(roots: readonly Root[]): Root[] {
  const merged = new Map<string, Root>();
  for (const root of roots.toSorted(compareRoots)) {
    const { packageName, layout, repository, manifest } = root;
    const key = [packageName, layout, repository, manifest.descriptor.digest].join("\0");
    const tags = [...(merged.get(key)?.tags ?? []), ...root.tags];
    merged.set(key, { ...(merged.get(key) ?? root), tags: [...new Set(tags)].sort() });
  }
  const result = [...merged.values()].sort(compareRoots);
  refuseAmbiguousTags(result);
  return result;
}

/** A tag of the target can point at one manifest only: `web:1` and `web:1@sha256:…` may differ. */
function refuseAmbiguousTags(roots: readonly Root[]): void {
  const digests = new Map<string, string>();
  for (const { repository, tags, manifest } of roots) {
    const { digest } = manifest.descriptor;
    for (const name of tags.map((tag) => `${repository}:${tag}`)) {
      const other = digests.get(name);
      if (other !== undefined && other !== digest) {
        throw new SelectionInvalidError(
          "this selection",
          `it takes both ${other} and ${digest} for "${name}"`,
          { hint: "Name the image once, by its tag or by its digest" },
        );
      }
      digests.set(name, digest);
    }
  }
}

/** By place, then by tag; of several spellings of one root a tag comes before a digest. */
function compareRoots(left: Root, right: Root): number {
  return compareTexts(sortKeyOf(left), sortKeyOf(right));
}

function sortKeyOf({ packageName, layout, repository, reference, manifest, kind }: Root): string {
  const spelling = isDigest(reference) ? "1" : "0";
  const { digest } = manifest.descriptor;
  // Below any character of a name, so that each part is compared by itself
  return [packageName, layout, repository, spelling, reference, digest, kind].join("\0");
}
