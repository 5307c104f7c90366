import { readChart } from "../../../artifacts/chart-archive.ts";
import { findChartImages } from "../../../artifacts/chart-images.ts";
import type { ListedChart } from "../../../artifacts/chart-index.ts";
import { chartPlaceOf } from "../../../artifacts/chart-place.ts";
import { packChart } from "../../../artifacts/pack-chart.ts";
import { MirrorError } from "../../../errors.ts";
import { ContentInvalidError } from "../../../oci/errors.ts";
import { formatReference } from "../../../oci/reference.ts";
import { targetPathOf } from "../../../oci/target-path.ts";
import { ContentMissingError } from "../../../store/errors.ts";
import { parseImageVersion } from "../../../versions/tag-version.ts";
import { SelectionUnmatchedError } from "../../errors.ts";
import { parseChartSelector } from "../../grammar/chart-selector.ts";
import { nearestNames } from "../../grammar/nearest.ts";
import type { RegistryChart, RepositoryChart, Selection } from "../../grammar/selection.ts";
import { exactPinsOf } from "../../grammar/selector.ts";
import { sortTags } from "../../grammar/version-filter.ts";
import { namesOfLimits } from "../choose-tags.ts";
import { whyLeftOut } from "../exclusion.ts";
import { madeRoot } from "../made-root.ts";
import type { Root } from "../root.ts";
import type { SourceReader } from "../source-reader.ts";
import { type ChartContext, chooseVersions, type ResolvedChart } from "./chart.ts";
import type { ChartRepository } from "./chart-repository.ts";
import { fetchArchive, fetchProvenance } from "./fetch-chart.ts";
import { resolveRegistryChart } from "./resolve-registry-chart.ts";

/** Versions that a hint names before it only counts. */
const NAMED_VERSIONS = 8;

/** A chart that a Helm repository lists: made into the artifact that Helm would push. */
export async function resolveRepositoryChart(
  chart: RepositoryChart,
  context: ChartContext,
): Promise<readonly ResolvedChart[]> {
  const { selection, reader } = context;
  const place = chartPlaceOf(chart.address, chart.name);
  const reason = whyLeftOut(place, selection.repositories);
  if (reason !== undefined) {
    reader.exclude({ repository: formatReference(place), reason });
    return [];
  }
  const repository = await context.readRepository(chart.address);
  const listed = await listVersions(chart, repository, context);
  const tags = listed.map(({ tag }) => tag);
  const knowing = withTimes(reader, listed);
  const wanted = { tags, filter: chart.filter };
  const chosen = new Set(await chooseVersions(place, wanted, { selection, reader: knowing }));
  const isExcluded =
    chosen.size === 0 && exactPinsOf(chart.filter).some(({ tag }) => tags.includes(tag));
  if (chosen.size === 0 && !isExcluded) throw versionUnmatched(chart, tags, selection);
  const charts = listed
    .filter(({ tag }) => chosen.has(tag))
    .map((one) => resolveListed(one, { ...context, chart, repository }));
  return (await Promise.all(charts)).flat();
}

/** When a chart was made is in the index. */
function withTimes(reader: SourceReader, listed: readonly ListedChart[]): SourceReader {
  const times = new Map(listed.map(({ tag, created }) => [tag, { created }]));
  return { ...reader, readCreated: async (_repository, tag) => times.get(tag) };
}

async function listVersions(
  { name, text }: RepositoryChart,
  { index, address }: ChartRepository,
  { reader }: ChartContext,
): Promise<readonly ListedChart[]> {
  const versions = await index.versionsOf(name);
  if (versions === undefined) {
    const nearest = nearestNames(name, index.names);
    const best = nearest.map((one) => `"${one}"`).join(" or ");
    throw new SelectionUnmatchedError(`chart "${text}"`, `"${address}" does not list it`, {
      nearest,
      ...(best === "" ? {} : { hint: `Did you mean ${best}?` }),
    });
  }
  for (const reason of versions.unread) {
    reader.notice("CHART_ENTRIES_UNREAD", `"${address}" cannot be read whole: ${reason}`);
  }
  return versions.charts;
}

function versionUnmatched(
  { text, filter }: RepositoryChart,
  tags: readonly string[],
  selection: Selection,
): SelectionUnmatchedError {
  const limits = namesOfLimits(selection.tags);
  const missing =
    filter.kind === "default"
      ? "no version is listed that is no pre-release"
      : "no version that it takes is in the index";
  const reason = limits === "" ? missing : `${missing}, or ${limits} leaves it out`;
  const newest = sortTags(tags, parseImageVersion).reverse();
  const named = newest.slice(0, NAMED_VERSIONS).join(", ");
  const rest = newest.length > NAMED_VERSIONS ? ` and ${newest.length - NAMED_VERSIONS} more` : "";
  const hint =
    named === "" ? "Check the repository: it lists no version" : `Choose from ${named}${rest}`;
  return new SelectionUnmatchedError(`chart "${text}"`, reason, { hint });
}

interface ListedContext extends ChartContext {
  readonly chart: RepositoryChart;
  readonly repository: ChartRepository;
}

async function resolveListed(
  listed: ListedChart,
  context: ListedContext,
): Promise<readonly ResolvedChart[]> {
  const { chart, repository, reader, attempt } = context;
  const subject = formatReference({ ...chartPlaceOf(chart.address, chart.name), tag: listed.tag });
  if (listed.isDeprecated) {
    reader.notice("CHART_DEPRECATED", `Chart "${subject}" is deprecated, and taken all the same`);
  }
  const elsewhere = listed.urls.find((url) => /^oci:\/\//i.test(url));
  if (elsewhere !== undefined) return await resolveElsewhere(elsewhere, subject, context);
  return await attempt(subject, async () => {
    const archive = await fetchArchive(listed, { repository, reader, subject });
    const provenance = await fetchProvenance(archive, { repository, reader, subject });
    const opened = await readChart(archive.bytes, `chart "${subject}"`);
    const { metadata } = opened;
    const { name, version } = metadata;
    if (name !== chart.name || version !== listed.version) {
      const reason = `it is ${name} ${version}, and its index lists it as ${chart.name} ${listed.version}`;
      throw new ContentInvalidError(`chart "${subject}"`, reason);
    }
    const made = packChart({
      metadata,
      archive,
      provenance,
      namedBy: repository.indexAddress.href,
    });
    const root = toRoot(chart, listed, made);
    const manifests = [root.manifest];
    if (context.selection.chartImages === undefined) return { root, manifests };
    // While the archive is in memory: there may be many
    return { root, manifests, found: await findChartImages(opened, `chart "${subject}"`) };
  });
}

function toRoot(
  { address, name }: RepositoryChart,
  { tag }: ListedChart,
  made: ReturnType<typeof packChart>,
): Root {
  const origin = chartPlaceOf(address, name);
  const place = {
    packageName: "images",
    packageKind: "images",
    layout: "",
    repository: targetPathOf(origin),
    tags: [tag],
    kind: "chart",
    origin,
    reference: tag,
  } as const;
  return madeRoot(place, made);
}

/** Repositories may list what lies in a registry; it is what is there, under its name there. */
async function resolveElsewhere(
  url: string,
  subject: string,
  context: ListedContext,
): Promise<readonly ResolvedChart[]> {
  const { attempt, reader } = context;
  const found = await attempt(subject, async () => {
    try {
      // What fails of it has failed here
      const own = {
        ...context,
        attempt: async <Value>(_: string, work: () => Promise<Value>) => [await work()],
      };
      return await resolveRegistryChart(parseRegistryAddress(url), own);
    } catch (error) {
      throw isWrongAddress(error)
        ? new ContentMissingError(
            `chart "${subject}"`,
            `its index says "${url}": ${error.message}`,
            { cause: error },
          )
        : error;
    }
  });
  const message = `Chart "${subject}" is taken from "${url}", where its repository says that it is`;
  if (found.length > 0) reader.notice("CHART_ELSEWHERE", message);
  return found.flat();
}

function parseRegistryAddress(url: string): RegistryChart {
  const found = parseChartSelector(url);
  if (found.from !== "registry") throw new Error("An oci:// address is one of a registry");
  return found;
}

/** Of what a repository says the user knows nothing: it is no usage error. */
function isWrongAddress(error: unknown): error is MirrorError {
  const codes = ["SELECTION_INVALID", "SELECTION_UNMATCHED", "REFERENCE_INVALID"];
  return error instanceof MirrorError && codes.includes(error.code);
}
