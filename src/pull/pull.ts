import { dirname, join, resolve } from "node:path";
import { lockForWriting } from "../bundle/bundle-lock.ts";
import type { PackagePlan } from "../bundle/bundle-plan.ts";
import { BundleWriter, type OnPackageFinished } from "../bundle/bundle-writer.ts";
import { BundleDirectoryOccupiedError } from "../bundle/errors.ts";
import {
  BUNDLE_MANIFEST_FILE,
  CHECKSUM_FILE,
  GOST_SUFFIX,
  PARTIAL_SUFFIX,
  STATE_DIRECTORY,
} from "../bundle/format.ts";
import { createDirectoryCache } from "../cache/directory-cache.ts";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { mkdir, readdir, rename, rm, rmdir, stat } from "../io/file-system.ts";
import { collectNotices } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import { option } from "../option.ts";
import { SelectionUnmatchedError } from "../selection/errors.ts";
import { checkPullOptions } from "./check-pull-options.ts";
import { describeBundle, totalsOf } from "./describe-bundle.ts";
import type { PullEvent } from "./events.ts";
import { countMissing } from "./missing-bytes.ts";
import { openPrevious } from "./previous-content.ts";
import { NO_PROGRESS, PullJournal, type PullProgress, readPullJournal } from "./pull-journal.ts";
import {
  PULL_MEDIA_TYPE,
  type PullOptions,
  type PullOutcome,
  type PullSummary,
} from "./pull-options.ts";
import {
  createStateDirectory,
  isEqual,
  makesSameBytes,
  type PinnedPlan,
  PLAN_LIFETIME_MS,
  planPackages,
  readPinnedPlan,
  removeState,
  type StatePaths,
  statePaths,
  writePinnedPlan,
} from "./pull-state.ts";
import { resolveContents } from "./resolve-contents.ts";
import { withRewrittenIndexes } from "./rewritten-indexes.ts";
import { sealBundle } from "./seal.ts";
import { finishSealed } from "./sealed-bundle.ts";
import { finishSettingAside, listEarlierFiles, setAside } from "./set-aside.ts";
import { checkSpace } from "./space.ts";
import { transferBlobs } from "./transfer.ts";
import { type BlobTask, planTransfer } from "./transfer-plan.ts";

const DEFAULT_CONCURRENCY = 6;

/**
 * Resolves a selection and writes its bundle. Interrupted at any byte, the same call goes on where it stopped. The
 * summary lists blobs that could not be had; without any, the bundle is complete.
 */
export async function pull(options: PullOptions): Promise<PullSummary> {
  checkPullOptions(options);
  const { notices, onEvent } = collectNotices<PullEvent>(options.onEvent);
  const outcome = await fillBundle({ ...options, onEvent });
  return { schemaVersion: 1, mediaType: PULL_MEDIA_TYPE, ...outcome, notices };
}

async function fillBundle(options: PullOptions): Promise<PullOutcome> {
  const { bundlePath } = options;
  const paths = statePaths(bundlePath);
  try {
    const sealed = options.force ? undefined : await finishSealed(options, paths);
    if (sealed) return sealed;
    await prepareDirectory(options, paths);
    await createStateDirectory(paths);
    await using _lock = await lockForWriting(bundlePath);
    // Awaited here: the lock is held until the end
    return await transferAndSeal(options, paths, await pinPlan(options, paths));
  } catch (error) {
    // A wish that cannot be met is not an unfinished pull
    if (error instanceof SelectionUnmatchedError && !(await readPinnedPlan(paths.plan))) {
      await rm(paths.blobs, { recursive: true, force: true });
    }
    throw error;
  } finally {
    // Only where nothing was begun: directories that hold something stay
    await rmdir(paths.directory).catch(() => {});
    await rmdir(bundlePath).catch(() => {});
  }
}

/** Creates the directory, or refuses one whose contents a pull must not touch. */
async function prepareDirectory(
  { bundlePath, force, selection }: PullOptions,
  paths: StatePaths,
): Promise<void> {
  let names: readonly string[];
  try {
    await createDirectory(bundlePath);
    names = await readdir(bundlePath);
  } catch (error) {
    throw storageError(error, bundlePath);
  }
  if (names.length === 0 || force) return;
  // With a plan for other wishes, the bundle is one that was sealed
  const plan = await readPinnedPlan(paths.plan);
  const isUnfinished = plan !== undefined && isEqual(plan.selection, selection);
  if (names.includes(BUNDLE_MANIFEST_FILE) && !isUnfinished) {
    if (names.includes(STATE_DIRECTORY)) await removeLeftovers(bundlePath, paths);
    throw new BundleDirectoryOccupiedError(bundlePath, "it holds a complete bundle", {
      hint: `Use ${option("force")} to replace it (what it holds is not fetched again), or name another directory`,
    });
  }
  if (!names.includes(STATE_DIRECTORY)) {
    throw new BundleDirectoryOccupiedError(bundlePath, "it is not empty", {
      hint: `Use ${option("force")} to pull beside what is there, or name another directory`,
    });
  }
}

/**
 * With parents. Node.js reports every failure of a recursive `mkdir` below a read-only file system as "no such
 * directory", so the last step is one of its own.
 */
async function createDirectory(path: string): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true });
  await mkdir(path).catch(async (error: unknown) => {
    const isThere = hasErrorCode(error, "EEXIST") && (await stat(path)).isDirectory();
    if (!isThere) throw error;
  });
}

/** What a run left that was ended while it cleaned up behind a complete bundle. */
async function removeLeftovers(bundlePath: string, paths: StatePaths): Promise<void> {
  {
    await using _lock = await lockForWriting(bundlePath);
    await removeState(paths);
  }
  // A push may keep its state there
  await rmdir(paths.directory).catch(() => {});
}

interface Pinned {
  readonly plan: PinnedPlan;
  readonly progress: PullProgress;
  /** What this run has fetched already, to make the plan. */
  readonly fetched: ReadonlySet<Digest>;
}

/** Goes on with the plan of an unfinished pull of the same selection, or makes a new one. */
async function pinPlan(options: PullOptions, paths: StatePaths): Promise<Pinned> {
  const { bundlePath, selection, chunkSizeBytes, resume = true, onEvent = () => {} } = options;
  if (!resume) await dropUnfinished(bundlePath, paths);
  const cache = createDirectoryCache(paths.blobs);
  const check = async (plan: PinnedPlan, isContinued: boolean) => {
    const earlierFiles = await listEarlierFiles(bundlePath, paths, { isContinued });
    await checkSpace(bundlePath, planPackages(plan), { cache, isContinued, earlierFiles });
  };
  const unfinished = await readPinnedPlan(paths.plan);
  // With `force` tags are looked up again; what is on disk is kept in every case
  if (unfinished && !options.force && canContinue(unfinished, options)) {
    await check(unfinished, true);
    const progress = await readPullJournal(paths.journal);
    return { plan: unfinished, progress, fetched: new Set() };
  }
  if (!unfinished) await finishSettingAside(bundlePath, paths);
  const resolved = await resolveContents({ ...options, cache, onEvent });
  const { contents, extraFiles, failures, fetched } = resolved;
  const plan: PinnedPlan = {
    schemaVersion: 1,
    pinnedAt: Date.now(),
    selection,
    ...(chunkSizeBytes === undefined ? {} : { chunkSizeBytes }),
    contents,
    ...(extraFiles.length > 0 ? { extraFiles } : {}),
    ...(failures.length > 0 ? { failures } : {}),
  };
  const isSame = unfinished !== undefined && makesSameBytes(unfinished, plan);
  await check(plan, isSame);
  if (isSame) {
    await writePinnedPlan(paths, plan);
    return { plan, progress: await readPullJournal(paths.journal), fetched };
  }
  await setAside(bundlePath, paths);
  // The journal of a plan that is lost would speak of other tasks
  await rm(paths.journal, { force: true });
  await writePinnedPlan(paths, plan);
  return { plan, progress: NO_PROGRESS, fetched };
}

function canContinue(plan: PinnedPlan, { selection, chunkSizeBytes }: PullOptions): boolean {
  const age = Date.now() - plan.pinnedAt;
  return (
    plan.failures === undefined &&
    age >= 0 &&
    age < PLAN_LIFETIME_MS &&
    plan.chunkSizeBytes === chunkSizeBytes &&
    isEqual(plan.selection, selection)
  );
}

/** Removes what an unfinished pull left: its state, and the files that its plan lists. */
async function dropUnfinished(bundlePath: string, paths: StatePaths): Promise<void> {
  const plan = await readPinnedPlan(paths.plan);
  if (plan === undefined) await finishSettingAside(bundlePath, paths);
  else {
    const files = planPackages(plan).flatMap(({ files }) => files.map(({ name }) => name));
    const extra = (plan.extraFiles ?? []).map(({ name }) => name);
    for (const name of [BUNDLE_MANIFEST_FILE, CHECKSUM_FILE, ...extra, ...files]) {
      await rm(join(bundlePath, `${name}${PARTIAL_SUFFIX}`), { force: true });
      await rm(join(bundlePath, name), { force: true });
      await rm(join(bundlePath, `${name}${GOST_SUFFIX}`), { force: true });
    }
  }
  await removeState(paths);
}

async function transferAndSeal(
  options: PullOptions,
  paths: StatePaths,
  { plan, progress, fetched }: Pinned,
): Promise<PullOutcome> {
  const { bundlePath, openSource, signal, onEvent = () => {} } = options;
  const plans = planPackages(plan);
  const tasks = planTransfer(plans);
  const cache = createDirectoryCache(paths.blobs);
  const previous = await openPrevious(paths);
  const available = ({ id, digest, size }: BlobTask) =>
    progress.finished.has(id)
      ? size
      : Math.max(
          progress.marks.get(id) ?? 0,
          ...previous.map((content) => content.find(digest)?.available ?? 0),
        );
  onEvent(plannedEvent(plan, plans, await countMissing(tasks, { available, cache })));
  // Ended between the seal and the removal of the state: not complete until it is sealed again
  await rm(join(bundlePath, BUNDLE_MANIFEST_FILE), { force: true });
  await reopenFiles(bundlePath, plans);
  using journal = new PullJournal(paths.journal);
  const onFinished: OnPackageFinished = ({ name, size }, files) =>
    onEvent({
      type: "package-finished",
      package: name,
      files: files.map((file) => file.name),
      size,
    });
  await using writer = new BundleWriter(bundlePath, plans, onFinished, {
    gost: options.gostDigest,
  });
  await writer.writeGenerated();
  const result = await transferBlobs({
    tasks,
    writer,
    journal,
    progress,
    previous,
    cache,
    fetched,
    openSource: withRewrittenIndexes(openSource, plan),
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    signal,
    onEvent,
  });
  const { failures: failedBlobs, ...bytes } = result;
  const failures = [...(plan.failures ?? []), ...failedBlobs];
  const summary = {
    bundlePath,
    failures,
    ...bytes,
    bytes: sizeOf(plans),
  } as const;
  if (failures.length > 0) return { ...summary, complete: false };
  const files = await Promise.all(plans.map((_, index) => writer.finishPackage(index)));
  const manifest = describeBundle(plan, plans, files);
  await sealBundle(bundlePath, paths, { manifest, extraFiles: plan.extraFiles });
  return { ...summary, complete: true, manifest };
}

function sizeOf(plans: readonly PackagePlan[]): number {
  return plans.reduce((sum, { size }) => sum + size, 0);
}

function plannedEvent(
  { contents }: PinnedPlan,
  plans: readonly PackagePlan[],
  fetchBytes: number,
): PullEvent {
  return {
    type: "planned",
    packages: plans.length,
    files: plans.reduce((sum, { files }) => sum + files.length, 0),
    images: totalsOf(contents).images,
    bytes: sizeOf(plans),
    fetchBytes,
  };
}

/** Files that an interrupted run had already named get their suffix back: everything is verified again. */
async function reopenFiles(bundlePath: string, plans: readonly PackagePlan[]): Promise<void> {
  for (const { name } of plans.flatMap(({ files }) => files)) {
    const path = join(bundlePath, name);
    await rename(path, `${path}${PARTIAL_SUFFIX}`).catch((error: unknown) => {
      if (!hasErrorCode(error, "ENOENT")) throw storageError(error, path);
    });
  }
}
