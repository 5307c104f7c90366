import pLimit from "p-limit";
import { CHART_LIMIT_BYTES, readChart } from "../../../artifacts/chart-archive.ts";
import {
  type ChartImage,
  type ChartImages,
  findChartImages,
} from "../../../artifacts/chart-images.ts";
import { compareTexts } from "../../../compare-texts.ts";
import { MirrorError } from "../../../errors.ts";
import { type Failure, isImageFailure, toFailure } from "../../../failure.ts";
import { ContentInvalidError } from "../../../oci/errors.ts";
import { parseManifest } from "../../../oci/manifest.ts";
import { MEDIA_TYPE } from "../../../oci/media-type.ts";
import { option } from "../../../option.ts";
import type { Manifest } from "../../../store/store.ts";
import { SelectionUnmatchedError } from "../../errors.ts";
import type { Selection } from "../../grammar/selection.ts";
import { parseImageSelector } from "../../grammar/selector.ts";
import { resolveImage } from "../resolve-images.ts";
import type { Root } from "../root.ts";
import type { SourceReader } from "../source-reader.ts";
import { CHARTS_AT_ONCE, chartName, type ResolvedChart } from "./chart.ts";

/** An image that a chart names, and what became of it. */
export interface NamedChartImage extends ChartImage {
  /** The chart, as its user knows it. */
  readonly chart: string;
  readonly isTaken: boolean;
  /** Why it is not taken. */
  readonly reason?: string | undefined;
}

export interface ResolvedChartImages {
  readonly roots: readonly Root[];
  /** Of all charts, in the order of their names. */
  readonly images: readonly NamedChartImage[];
  readonly failures: readonly Failure[];
}

interface ImageOutcome {
  readonly roots: readonly Root[];
  readonly image: NamedChartImage;
  readonly failure?: Failure;
}

/** Images that a notice names before it only counts. */
const NAMED_IMAGES = 8;

/** The images that charts name: those that they say they need, and with `guess` what looks like one. */
export async function resolveChartImages(
  charts: readonly ResolvedChart[],
  selection: Selection,
  reader: SourceReader,
): Promise<ResolvedChartImages> {
  if (selection.chartImages === undefined) return { roots: [], images: [], failures: [] };
  const limit = pLimit(CHARTS_AT_ONCE);
  const results = await Promise.all(
    charts.map((chart) => limit(() => imagesOf(chart, selection, reader))),
  );
  const outcomes = results.flatMap(({ images }) => images);
  return {
    roots: outcomes.flatMap(({ roots }) => roots),
    images: outcomes.map(({ image }) => image).sort(byChart),
    failures: [
      ...results.flatMap(({ failures }) => failures),
      ...outcomes.flatMap(({ failure }) => failure ?? []),
    ],
  };
}

function byChart(left: NamedChartImage, right: NamedChartImage): number {
  return compareTexts(`${left.chart}\0${left.image}`, `${right.chart}\0${right.image}`);
}

async function imagesOf(chart: ResolvedChart, selection: Selection, reader: SourceReader) {
  const name = chartName(chart.root);
  try {
    const { images, unread } = chart.found ?? (await findInAll(chart, reader));
    for (const reason of unread) {
      const message = `Not all images of chart "${name}" can be found: ${reason}`;
      reader.notice("CHART_IMAGES_UNREAD", message);
    }
    const outcomes = await Promise.all(
      images.map((image) => resolveNamed({ ...image, chart: name }, selection, reader)),
    );
    noteLeft(name, outcomes, reader);
    return { images: outcomes, failures: [] };
  } catch (error) {
    if (!isImageFailure(error)) throw error;
    return { images: [], failures: [toFailure(error, `images of ${name}`)] };
  }
}

/** The images of a chart in a registry, or of those under one name. */
async function findInAll({ root, manifests }: ResolvedChart, reader: SourceReader) {
  const found = await Promise.all(manifests.map((one) => findIn(root, one, reader)));
  return {
    images: found.flatMap(({ images }) => images),
    unread: found.flatMap(({ unread }) => unread),
  };
}

/** Its archive is in the cache for its place in the bundle. */
async function findIn(root: Root, manifest: Manifest, reader: SourceReader): Promise<ChartImages> {
  const { bytes, descriptor } = manifest;
  const document = parseManifest(bytes, descriptor.mediaType, descriptor.digest);
  const layers = document.kind === "manifest" ? document.layers : [];
  const archive = layers.find(({ mediaType }) => mediaType === MEDIA_TYPE.chartContent);
  const subject = `chart "${chartName(root)}"`;
  if (archive === undefined) throw new ContentInvalidError(subject, "it has no archive");
  if (archive.size > CHART_LIMIT_BYTES) {
    throw new ContentInvalidError(subject, `it has more than ${CHART_LIMIT_BYTES} bytes`);
  }
  const content = await reader.readContent(root.origin, archive);
  return await findChartImages(await readChart(content, subject), subject);
}

async function resolveNamed(
  named: ChartImage & { readonly chart: string },
  selection: Selection,
  reader: SourceReader,
): Promise<ImageOutcome> {
  const isGuess = named.basis === "guess";
  const leave = (reason: string): ImageOutcome => ({
    roots: [],
    image: { ...named, isTaken: false, reason },
  });
  if (isGuess && selection.chartImages !== "guess") return leave("it is a guess");
  try {
    const selector = parseImageSelector(named.image, "chartImages");
    const roots = await resolveImage(selector, selection, reader);
    return { roots, image: { ...named, isTaken: true } };
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    const left = leave(error.message);
    // A guess may be wrong, what a chart names has to be there
    if (isGuess) return left;
    return { ...left, failure: toFailure(error, `${named.image} of ${named.chart}`) };
  }
}

function isUnavailable(error: unknown): error is MirrorError {
  if (error instanceof SelectionUnmatchedError || isImageFailure(error)) return true;
  const isUnusable = ["SELECTION_INVALID", "REFERENCE_INVALID"];
  return error instanceof MirrorError && isUnusable.includes(error.code);
}

/** One notice for each chart; the report has each image with its place. */
function noteLeft(chart: string, outcomes: readonly ImageOutcome[], reader: SourceReader): void {
  const left = outcomes.filter(({ image, failure }) => !image.isTaken && !failure);
  if (left.length === 0) return;
  const names = left.slice(0, NAMED_IMAGES).map(({ image }) => image.image);
  const rest = left.length > NAMED_IMAGES ? ` and ${left.length - NAMED_IMAGES} more` : "";
  const isAsked = left.every(({ image }) => image.reason !== "it is a guess");
  const advice = isAsked ? "" : `; ${option("chartImages")}=guess takes them`;
  const message = `Chart "${chart}" seems to need images that are not taken: ${names.join(", ")}${rest}${advice}`;
  reader.notice("CHART_IMAGE_NOT_TAKEN", message);
}
