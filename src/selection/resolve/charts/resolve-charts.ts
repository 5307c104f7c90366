import pLimit from "p-limit";
import type { Failure } from "../../../failure.ts";
import type { Selection } from "../../grammar/selection.ts";
import { type AttemptOne, attemptInto } from "../attempt-one.ts";
import type { SourceReader } from "../source-reader.ts";
import { allMatched } from "../unmatched.ts";
import { CHARTS_AT_ONCE, type ResolvedChart } from "./chart.ts";
import { type ChartRepository, readChartRepository } from "./chart-repository.ts";
import { resolveRegistryChart } from "./resolve-registry-chart.ts";
import { resolveRepositoryChart } from "./resolve-repository-chart.ts";

export interface ResolvedCharts {
  readonly charts: readonly ResolvedChart[];
  /** Charts that are listed and cannot be had; the others are not affected. */
  readonly failures: readonly Failure[];
}

/** The charts that were named, from registries and from Helm repositories. */
export async function resolveCharts(
  selection: Selection,
  reader: SourceReader,
): Promise<ResolvedCharts> {
  const failures: Failure[] = [];
  const repositories = new Map<string, Promise<ChartRepository>>();
  const readRepository = (address: string) => {
    const reading = repositories.get(address) ?? readChartRepository(address, reader);
    repositories.set(address, reading);
    return reading;
  };
  const context = { selection, reader, readRepository, attempt: createAttempt(failures) };
  const results = await allMatched(
    (selection.charts ?? []).map((chart) =>
      chart.from === "registry"
        ? resolveRegistryChart(chart, context)
        : resolveRepositoryChart(chart, context),
    ),
  );
  return { charts: results.flat(), failures };
}

function createAttempt(failures: Failure[]): AttemptOne {
  const limit = pLimit(CHARTS_AT_ONCE);
  const attempt = attemptInto(failures);
  return (subject, work) => attempt(subject, () => limit(work));
}
