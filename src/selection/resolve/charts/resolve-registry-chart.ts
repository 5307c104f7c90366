import { parseImageVersion } from "../../../versions/tag-version.ts";
import type { RegistryChart } from "../../grammar/selection.ts";
import { whyLeftOut } from "../exclusion.ts";
import { listCandidates } from "../list-candidates.ts";
import { resolveImage } from "../resolve-images.ts";
import { imageUnmatched } from "../unmatched.ts";
import {
  ANY_RELEASE,
  type ChartContext,
  chartName,
  chooseVersions,
  type ResolvedChart,
  toChart,
} from "./chart.ts";

/** A chart that lies in a registry: an image in all but its default, and that it has to be a chart. */
export async function resolveRegistryChart(
  chart: RegistryChart,
  context: ChartContext,
): Promise<readonly ResolvedChart[]> {
  const { selection, reader, attempt } = context;
  const { reference, filter } = chart;
  const isNamed = reference.tag !== undefined || reference.digest !== undefined;
  // What is left out is said where images are
  const isOut = whyLeftOut(reference, selection.repositories) !== undefined;
  const isChosen = isNamed || isOut || filter.kind !== "default";
  const tag = isChosen ? reference.tag : await highestTag(chart, context);
  const wanted = { ...chart, reference: { ...reference, tag } };
  const roots = await resolveImage(wanted, selection, reader, attempt);
  const charts = roots.map((root) => attempt(chartName(root), () => toChart(root, reader)));
  return (await Promise.all(charts)).flat();
}

async function highestTag(
  { text, reference }: RegistryChart,
  { selection, reader }: ChartContext,
): Promise<string> {
  const repository = { registry: reference.registry, repository: reference.repository };
  const isSource = repository.registry === selection.source?.registry;
  const tags = await listCandidates(repository, ANY_RELEASE, {
    selection: { proxyRegistry: selection.proxyRegistry && isSource },
    reader,
    prefixes: ["", "v"],
    parse: parseImageVersion,
  });
  const wanted = { tags: tags ?? [], filter: { kind: "default" } } as const;
  const [highest] = await chooseVersions(repository, wanted, { selection, reader });
  if (highest !== undefined) return highest;
  throw await imageUnmatched(repository, {
    reader,
    subject: `chart "${text}"`,
    reason: "no tag is a version that is no pre-release",
  });
}
