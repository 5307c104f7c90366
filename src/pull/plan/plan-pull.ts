import { createMemoryCache } from "../../cache/content-cache.ts";
import { createDirectoryCache } from "../../cache/directory-cache.ts";
import type { UserCache } from "../../cache/user/user-cache.ts";
import type { ExtraFile } from "../../contents/contents.ts";
import type { Lock } from "../../lock/lock.ts";
import { collectNotices } from "../../notice.ts";
import { checkPullOptions } from "../check-pull-options.ts";
import { describeImage, totalsOf } from "../directory/describe-bundle.ts";
import { describeEarlierBundle } from "../directory/earlier-bundle.ts";
import { findPresent } from "../directory/previous-content.ts";
import {
  makesSameBytes,
  type PlannedBytes,
  readPinnedPlan,
  statePaths,
} from "../directory/pull-state.ts";
import { listEarlierFiles } from "../directory/set-aside.ts";
import { measureSpace } from "../directory/space.ts";
import { type BlobTask, type BundleWork, planWork } from "../directory/transfer-plan.ts";
import type { PullEvent } from "../events.ts";
import {
  type PlanPullOptions,
  PULL_PLAN_MEDIA_TYPE,
  type PullPlanReport,
} from "../pull-options.ts";
import { countedSources } from "./counted-sources.ts";
import { createLock } from "./create-lock.ts";
import { findContents } from "./find-contents.ts";
import { countMissing } from "./missing-bytes.ts";
import { openCache } from "./open-cache.ts";
import { readPolicy, requireSignaturesOf, trustFilesOf } from "./require-signatures.ts";

/** What a pull would make and fetch, to the byte; writes nothing but to the cache. */
export async function planPull(options: PlanPullOptions): Promise<PullPlanReport> {
  return (await planWithFound(options)).plan;
}

export interface PlannedWithLock {
  readonly plan: PullPlanReport;
  /** What a later pull has to be given to write the same bundle; undefined if the plan has failures. */
  readonly lock?: Lock | undefined;
}

/** A plan, and the lock of what it takes. */
export async function planPullWithLock(options: PlanPullOptions): Promise<PlannedWithLock> {
  const { plan, lockFound } = await planWithFound(options);
  // A lock without what is missing would be no lock of the selection
  return plan.failures.length > 0 ? { plan } : { plan, lock: lockFound() };
}

export interface PlannedWithFound {
  readonly plan: PullPlanReport;
  /** The lock of what was found, also where something is missing. */
  readonly lockFound: () => Lock;
}

export async function planWithFound(options: PlanPullOptions): Promise<PlannedWithFound> {
  checkPullOptions(options);
  const { bundlePath, openSource, chunkSizeBytes } = options;
  const policy = await readPolicy(options);
  const { notices, onEvent: onNoticed } = collectNotices<PullEvent>(options.onEvent);
  let resolvedBytes = 0;
  const onEvent = (event: PullEvent) => {
    if (event.type === "resolving-progress") resolvedBytes += event.bytes;
    onNoticed(event);
  };
  const { above, records } = await openCache({ ...options, onEvent });
  const cache = above(createMemoryCache());
  const tagsDirectory = options.cacheDirectory;
  const resolved = await findContents({ ...options, records, tagsDirectory, onEvent, cache });
  const { contents, exclusions, failures, chartImages } = resolved;
  const extraFiles = [...resolved.extraFiles, ...trustFilesOf(options)];
  const counted = countedSources(openSource, (bytes) =>
    onEvent({ type: "resolving-progress", bytes }),
  );
  const demanding = policy && { ...options, policy, openSource: counted, cache, onEvent };
  const signatures = demanding && (await requireSignaturesOf(contents, demanding));
  const work = planWork({ contents, chunkSizeBytes });
  const { plans } = work;
  const totals = totalsOf(contents);
  const plan: PullPlanReport = {
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
    totals,
    bytes: plans.reduce((sum, { size }) => sum + size, 0),
    fetchBytes: totals.uniqueBytes,
    resolvedBytes,
    ...(await lookAtDirectory(bundlePath, { work, above, wanted: { contents, chunkSizeBytes } })),
    exclusions,
    ...(signatures ? { signatures } : {}),
    notices,
    failures,
    ...(chartImages.length > 0 ? { chartImages } : {}),
  };
  return { plan, lockFound: () => createLock(options, resolved) };
}

interface LookedFor extends Pick<UserCache, "above"> {
  readonly work: BundleWork;
  readonly wanted: PlannedBytes;
}

/** What the directory and the cache have of a bundle, and the room for the rest. */
async function lookAtDirectory(
  bundlePath: string,
  { work, above, wanted }: LookedFor,
): Promise<Pick<PullPlanReport, "missingBytes" | "neededBytes" | "freeBytes">> {
  const paths = statePaths(bundlePath);
  const cache = createDirectoryCache(paths.blobs);
  const unfinished = await readPinnedPlan(paths.plan);
  const isContinued = unfinished !== undefined && makesSameBytes(unfinished, wanted);
  const here = await describeEarlierBundle(bundlePath, unfinished);
  const earlierFiles = await listEarlierFiles(bundlePath, paths, isContinued ? undefined : here);
  const space = await measureSpace(bundlePath, work, { cache, isContinued, earlierFiles });
  const present = await findPresent(bundlePath, paths, here);
  const available = ({ digest }: BlobTask) => present.get(digest) ?? 0;
  return {
    missingBytes: await countMissing(work.tasks, { available, cache: above(cache) }),
    neededBytes: space.neededBytes,
    ...(space.fileSystem ? { freeBytes: space.fileSystem.freeBytes } : {}),
  };
}

function describeSize({ name, text }: ExtraFile) {
  return { name, size: Buffer.byteLength(text) };
}
