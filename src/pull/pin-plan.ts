import type { ContentCache } from "../cache/content-cache.ts";
import type { Records } from "../cache/record-cache.ts";
import { rm } from "../io/file-system.ts";
import type { Digest } from "../oci/digest.ts";
import { findContents } from "./find-contents.ts";
import { dropUnfinished } from "./pull-directory.ts";
import { NO_PROGRESS, type PullProgress, readPullJournal } from "./pull-journal.ts";
import type { PullOptions } from "./pull-options.ts";
import {
  isEqual,
  makesSameBytes,
  type PinnedPlan,
  PLAN_LIFETIME_MS,
  readPinnedPlan,
  type StatePaths,
  writePinnedPlan,
} from "./pull-state.ts";
import { finishSettingAside, listEarlierFiles, setAside } from "./set-aside.ts";
import { checkSpace } from "./space.ts";
import { type BundleWork, planWork } from "./transfer-plan.ts";
import { recordedSelection } from "./wishes.ts";

/** Where a pull keeps what it reads. */
export interface PullCaches {
  /** In the directory of the bundle: its content is moved to its place. */
  readonly own: ContentCache;
  /** The same, above what other runs have read. */
  readonly all: ContentCache;
  readonly records: Records | undefined;
}

export interface PinPlanOptions {
  readonly paths: StatePaths;
  readonly caches: PullCaches;
}

export interface Pinned {
  readonly plan: PinnedPlan;
  readonly work: BundleWork;
  readonly progress: PullProgress;
  /** What this run has fetched already, to make the plan. */
  readonly fetched: ReadonlySet<Digest>;
}

/** Goes on with the plan of an unfinished pull of the same selection, or makes a new one. */
export async function pinPlan(
  options: PullOptions,
  { paths, caches }: PinPlanOptions,
): Promise<Pinned> {
  const { bundlePath, lock, chunkSizeBytes, resume = true, onEvent = () => {} } = options;
  if (!resume) await dropUnfinished(bundlePath, paths);
  const check = async (work: BundleWork, isContinued: boolean) => {
    const earlierFiles = await listEarlierFiles(bundlePath, paths, { isContinued });
    await checkSpace(bundlePath, work, { cache: caches.own, isContinued, earlierFiles });
  };
  const unfinished = await readPinnedPlan(paths.plan);
  // With `force` tags are looked up again; what is on disk is kept in every case
  if (unfinished && !options.force && canContinue(unfinished, options)) {
    const work = planWork(unfinished);
    await check(work, true);
    const progress = await readPullJournal(paths.journal);
    return { plan: unfinished, work, progress, fetched: new Set() };
  }
  if (!unfinished) await finishSettingAside(bundlePath, paths);
  const { all: cache, records } = caches;
  const tagsDirectory = options.cacheDirectory;
  const resolving = { ...options, cache, records, tagsDirectory, onEvent };
  const { contents, extraFiles, failures, fetched } = await findContents(resolving);
  const plan: PinnedPlan = {
    schemaVersion: 1,
    pinnedAt: Date.now(),
    selection: recordedSelection(options),
    ...(lock === undefined ? {} : { lock: lock.checksum }),
    ...(chunkSizeBytes === undefined ? {} : { chunkSizeBytes }),
    contents,
    ...(extraFiles.length > 0 ? { extraFiles } : {}),
    ...(failures.length > 0 ? { failures } : {}),
  };
  const work = planWork(plan);
  const isSame = unfinished !== undefined && makesSameBytes(unfinished, plan);
  await check(work, isSame);
  if (isSame) {
    await writePinnedPlan(paths, plan);
    return { plan, work, progress: await readPullJournal(paths.journal), fetched };
  }
  await setAside(bundlePath, paths);
  // The journal of a plan that is lost would speak of other tasks
  await rm(paths.journal, { force: true });
  await writePinnedPlan(paths, plan);
  return { plan, work, progress: NO_PROGRESS, fetched };
}

function canContinue(plan: PinnedPlan, options: PullOptions): boolean {
  const { lock, chunkSizeBytes } = options;
  const age = Date.now() - plan.pinnedAt;
  return (
    plan.failures === undefined &&
    age >= 0 &&
    age < PLAN_LIFETIME_MS &&
    plan.chunkSizeBytes === chunkSizeBytes &&
    plan.lock === lock?.checksum &&
    isEqual(plan.selection, recordedSelection(options))
  );
}
