import { type PackagePlan, planPackage } from "../bundle/bundle-plan.ts";
import { createMemoryCache } from "../cache/content-cache.ts";
import { createDirectoryCache } from "../cache/directory-cache.ts";
import type { ExtraFile } from "../contents/contents.ts";
import { checkPullOptions } from "./check-pull-options.ts";
import { describeImage, totalsOf } from "./describe-bundle.ts";
import { countMissing } from "./missing-bytes.ts";
import { findPresent } from "./previous-content.ts";
import { type PlanPullOptions, PULL_PLAN_MEDIA_TYPE, type PullPlanReport } from "./pull-options.ts";
import { makesSameBytes, type PlannedBytes, readPinnedPlan, statePaths } from "./pull-state.ts";
import { resolveContents } from "./resolve-contents.ts";
import { listEarlierFiles } from "./set-aside.ts";
import { measureSpace } from "./space.ts";
import { type BlobTask, planTransfer } from "./transfer-plan.ts";

/** What a pull would make and fetch, to the byte; writes nothing. */
export async function planPull(options: PlanPullOptions): Promise<PullPlanReport> {
  checkPullOptions(options);
  const { bundlePath, selection, openSource, chunkSizeBytes, onEvent = () => {}, signal } = options;
  const notices: { code: string; message: string }[] = [];
  const { contents, extraFiles, failures } = await resolveContents({
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
  return {
    schemaVersion: 1,
    mediaType: PULL_PLAN_MEDIA_TYPE,
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
    ...(await lookAtDirectory(bundlePath, plans, { contents, chunkSizeBytes })),
    notices,
    failures,
  };
}

/** What the directory has of a bundle, and the room for the rest. */
async function lookAtDirectory(
  bundlePath: string,
  plans: readonly PackagePlan[],
  wanted: PlannedBytes,
): Promise<Pick<PullPlanReport, "missingBytes" | "neededBytes" | "freeBytes">> {
  const paths = statePaths(bundlePath);
  const cache = createDirectoryCache(paths.blobs);
  const unfinished = await readPinnedPlan(paths.plan);
  const isContinued = unfinished !== undefined && makesSameBytes(unfinished, wanted);
  const earlierFiles = await listEarlierFiles(bundlePath, paths, { isContinued });
  const space = await measureSpace(bundlePath, plans, { cache, isContinued, earlierFiles });
  const present = await findPresent(bundlePath, paths);
  const available = ({ digest }: BlobTask) => present.get(digest) ?? 0;
  return {
    missingBytes: await countMissing(planTransfer(plans), { available, cache }),
    neededBytes: space.neededBytes,
    ...(space.fileSystem ? { freeBytes: space.fileSystem.freeBytes } : {}),
  };
}

function describeSize({ name, text }: ExtraFile) {
  return { name, size: Buffer.byteLength(text) };
}
