import { join } from "node:path";
import { lockForWriting } from "../bundle/bundle-lock.ts";
import type { PackagePlan } from "../bundle/format/bundle-plan.ts";
import { BUNDLE_MANIFEST_FILE } from "../bundle/format/format.ts";
import { readBundledTags } from "../bundle/images/bundle-images.ts";
import type { BundleFile } from "../bundle/read/bundle-manifest.ts";
import { openBundle } from "../bundle/read/bundle-reader.ts";
import { BundleWriter, type OnPackageFinished } from "../bundle/write/bundle-writer.ts";
import type { ContentCache } from "../cache/content-cache.ts";
import { createDirectoryCache } from "../cache/directory-cache.ts";
import { rm, rmdir } from "../io/file-system.ts";
import { collectNotices } from "../notice.ts";
import { SelectionUnmatchedError } from "../selection/errors.ts";
import { bundledManifests, hintOf } from "../trust/bundled-manifests.ts";
import { checkSignatures, requireSigned } from "../trust/check-signatures.ts";
import { SignatureRefusedError } from "../trust/errors.ts";
import type { SignaturePolicy } from "../trust/policy.ts";
import { noticesOfArchives } from "./archive-notices.ts";
import { checkPullOptions } from "./check-pull-options.ts";
import { describeBundle, totalsOf } from "./directory/describe-bundle.ts";
import { withLocalContent } from "./directory/local-content.ts";
import { openPrevious, type PreviousContent } from "./directory/previous-content.ts";
import { prepareDirectory, reopenFiles } from "./directory/pull-directory.ts";
import { PullJournal } from "./directory/pull-journal.ts";
import {
  createStateDirectory,
  type PinnedPlan,
  readPinnedPlan,
  type StatePaths,
  statePaths,
} from "./directory/pull-state.ts";
import { findDamageOfSealed, finishSealed } from "./directory/sealed-bundle.ts";
import { hasRoom } from "./directory/space.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";
import type { PullEvent } from "./events.ts";
import { imagesWith } from "./plan/images-with.ts";
import { countMissing } from "./plan/missing-bytes.ts";
import { openCache } from "./plan/open-cache.ts";
import { type Pinned, type PullCaches, pinPlan } from "./plan/pin-plan.ts";
import { readPolicy } from "./plan/require-signatures.ts";
import {
  busyThreadsOf,
  PULL_MEDIA_TYPE,
  type PullOptions,
  type PullOutcome,
  type PullSummary,
} from "./pull-options.ts";
import { sealBundle } from "./seal.ts";
import { type TransferResult, transferBlobs } from "./transfer.ts";

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

async function fillBundle(given: PullOptions): Promise<PullOutcome> {
  let options = given;
  const { bundlePath } = options;
  const paths = statePaths(bundlePath);
  const policy = await readPolicy(options);
  try {
    const sealed = options.force ? undefined : await finishSealed(options, paths);
    if (sealed) return { ...sealed, ...(await lookAtSealed(options, policy)) };
    options = await toRepair(options, paths);
    await prepareDirectory(options, paths);
    await createStateDirectory(paths);
    await using _lock = await lockForWriting(bundlePath);
    const caches = await openCaches(options, paths);
    const pinned = await pinPlan(options, { paths, caches, policy });
    // Awaited here: the lock is held until the end
    return await transferAndSeal(options, paths, { ...pinned, cache: caches.all });
  } catch (error) {
    // A wish that cannot be met is not an unfinished pull
    const isUnmet =
      error instanceof SelectionUnmatchedError || error instanceof SignatureRefusedError;
    if (isUnmet && !(await readPinnedPlan(paths.plan))) {
      await rm(paths.blobs, { recursive: true, force: true });
    }
    throw error;
  } finally {
    // Only where nothing was begun: directories that hold something stay
    await rmdir(paths.directory).catch(() => {});
    await rmdir(bundlePath).catch(() => {});
  }
}

/** The pull that has sealed it may have demanded less. */
async function lookAtSealed(
  { bundlePath, onEvent }: PullOptions,
  policy: SignaturePolicy | undefined,
): Promise<Pick<PullOutcome, "signatures">> {
  if (policy === undefined) return {};
  await using bundle = await openBundle(bundlePath);
  const manifests = bundledManifests(bundle, await readBundledTags(bundle));
  const check = await checkSignatures(manifests, policy);
  requireSigned(check, hintOf(bundle));
  for (const notice of check.notices) onEvent?.({ type: "notice", ...notice });
  return { signatures: check.accepted };
}

/** A damaged bundle of the same wishes is replaced by itself: what is whole of it is taken over, the rest is fetched. */
async function toRepair(options: PullOptions, paths: StatePaths): Promise<PullOptions> {
  const damage = options.force ? undefined : await findDamageOfSealed(options, paths);
  if (damage === undefined) return options;
  const message = `The bundle is repaired, as ${damage}: what is whole is kept`;
  options.onEvent?.({ type: "notice", code: "BUNDLE_REPAIRED", message });
  return { ...options, force: true };
}

async function openCaches(options: PullOptions, { blobs }: StatePaths): Promise<PullCaches> {
  const own = createDirectoryCache(blobs, {
    hasRoom: (bytes) => hasRoom(options.bundlePath, bytes),
  });
  const { above, records } = await openCache(options);
  return { own, all: above(own), records };
}

interface PinnedAndKept extends Pinned {
  readonly cache: ContentCache;
}

async function transferAndSeal(
  options: PullOptions,
  paths: StatePaths,
  pinned: PinnedAndKept,
): Promise<PullOutcome> {
  const { plan, work, progress, cache, signatures } = pinned;
  const { bundlePath, onEvent = () => {} } = options;
  const { plans, tasks } = work;
  const previous = await openPrevious(paths, pinned.aside);
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
  const { result, files } = await writePackages(options, paths, { ...pinned, previous });
  const { failures: failedBlobs, ...bytes } = result;
  const failures = [...(plan.failures ?? []), ...failedBlobs];
  const summary = {
    bundlePath,
    failures,
    ...bytes,
    bytes: sizeOf(plans),
    ...(signatures ? { signatures } : {}),
    ...(plan.chartImages ? { chartImages: plan.chartImages } : {}),
  } as const;
  if (failures.length > 0) return { ...summary, complete: false };
  const written = { contents: plan.contents, plans, bundlePath };
  for (const notice of await noticesOfArchives(written)) onEvent({ type: "notice", ...notice });
  const manifest = describeBundle(plan, plans, files);
  await sealBundle(bundlePath, paths, { manifest, extraFiles: plan.extraFiles });
  return { ...summary, complete: true, manifest };
}

interface PinnedAndPrevious extends PinnedAndKept {
  readonly previous: readonly PreviousContent[];
}

/**
 * Fetches what is missing, and finishes the packages if nothing failed. All files are closed then: where the medium keeps what
 * is open in its directory, that could not be removed.
 */
async function writePackages(
  { bundlePath, openSource, web, signal, onEvent = () => {}, ...options }: PullOptions,
  paths: StatePaths,
  { plan, work: { plans, tasks }, progress, fetched, cache, previous }: PinnedAndPrevious,
): Promise<{ result: TransferResult; files: readonly BundleFile[][] }> {
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
    checksums: options.checksums,
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
    openSource: withLocalContent({ openSource, web }, plan),
    imagesWith: (digest) => imagesWith(plan.contents, digest),
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    busyThreads: busyThreadsOf(options),
    signal,
    onEvent,
  });
  const hasFailures = (plan.failures ?? []).length + result.failures.length > 0;
  const files = hasFailures
    ? []
    : await Promise.all(plans.map((_, index) => writer.finishPackage(index)));
  return { result, files };
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
