import { option } from "../../option.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { SelectionNotice } from "../notice.ts";
import { parseChartSelector } from "./chart-selector.ts";
import { parseFileSelector } from "./file-selector.ts";
import type { Selection } from "./selection.ts";
import type { ParseSelectionOptions } from "./selection-options.ts";
import { uniqueBy } from "./unique-by.ts";

/** Charts and files; what nobody asks for is no part of the selection, as that of earlier versions. */
export function parseArtifacts({
  includeCharts = [],
  chartImages,
  includeFiles = [],
}: ParseSelectionOptions): Pick<Selection, "charts" | "chartImages" | "files"> {
  // Of several spellings of one chart the same is kept, however they are ordered
  const charts = uniqueBy(includeCharts.toSorted().map(parseChartSelector), ({ text, ...chart }) =>
    JSON.stringify(chart),
  );
  const files = uniqueBy(includeFiles.map(parseFileSelector), (file) => JSON.stringify(file));
  if (chartImages !== undefined) checkChartImages(chartImages, charts.length > 0);
  return {
    ...(charts.length > 0 ? { charts } : {}),
    ...(chartImages === undefined ? {} : { chartImages }),
    ...(files.length > 0 ? { files } : {}),
  };
}

function checkChartImages(value: string, hasCharts: boolean): void {
  const refuse = (reason: string, hint: string) =>
    new SelectionInvalidError(`${option("chartImages")} "${value}"`, reason, { hint });
  if (value !== "named" && value !== "guess") {
    throw refuse("it is neither named nor guess", "Use one of them");
  }
  if (hasCharts) return;
  throw refuse("there is no chart", `Name charts with ${option("includeCharts")}`);
}

/** That a chart is there says nothing of what it starts. */
export function chartNotices({ charts = [], chartImages }: Selection): SelectionNotice[] {
  if (charts.length === 0 || chartImages !== undefined) return [];
  const message = `Charts are taken without the images that they name: ${option("chartImages")} looks for these`;
  return [{ code: "CHART_IMAGES_NOT_ASKED", message }];
}
