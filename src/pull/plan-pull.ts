import { planPackage } from "../bundle/bundle-plan.ts";
import type { ExtraFile } from "../bundle/contents.ts";
import { readFileSystem } from "../io/free-space.ts";
import { createMemoryCache } from "./content-cache.ts";
import { describeImage, totalsOf } from "./describe-bundle.ts";
import type { PlanPullOptions, PullPlanReport } from "./pull-options.ts";
import { resolveContents } from "./resolve-contents.ts";
import { planTransfer } from "./transfer-plan.ts";

/** What a pull would make and fetch, to the byte; writes nothing. */
export async function planPull(options: PlanPullOptions): Promise<PullPlanReport> {
  const { bundlePath, selection, openSource, chunkSizeBytes, onEvent = () => {}, signal } = options;
  const notices: { code: string; message: string }[] = [];
  const { contents, extraFiles } = await resolveContents({
    selection,
    openSource,
    cache: createMemoryCache(),
    signal,
    onEvent: (event) => {
      if (event.type === "notice") notices.push({ code: event.code, message: event.message });
      onEvent(event);
    },
  });
  const plans = contents.map((item) => planPackage(item, chunkSizeBytes));
  const fileSystem = await readFileSystem(bundlePath);
  return {
    schemaVersion: 1,
    packages: contents.map(({ name, kind, layouts }, index) => ({
      name,
      kind,
      size: plans[index]?.size ?? 0,
      files: plans[index]?.files ?? [],
      images: layouts.flatMap(({ images }) => images.map(describeImage)),
    })),
    ...(extraFiles.length > 0 ? { extraFiles: extraFiles.map(describeSize) } : {}),
    totals: totalsOf(contents),
    bytes: plans.reduce((sum, { size }) => sum + size, 0),
    fetchBytes: planTransfer(plans).reduce((sum, { size }) => sum + size, 0),
    ...(fileSystem ? { freeBytes: fileSystem.freeBytes } : {}),
    notices,
  };
}

function describeSize({ name, text }: ExtraFile) {
  return { name, size: Buffer.byteLength(text) };
}
