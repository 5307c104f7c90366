import type { ContentCache } from "../../cache/content-cache.ts";
import type { Records } from "../../cache/user/record-cache.ts";
import { rm } from "../../io/file-system.ts";
import { isUnchanged } from "../../io/read-unchanged.ts";
import type { Digest } from "../../oci/digest.ts";
import type { AcceptedSignature } from "../../trust/check-signatures.ts";
import { SignatureRefusedError } from "../../trust/errors.ts";
import type { SignaturePolicy } from "../../trust/policy.ts";
import { describeEarlierBundle, type EarlierBundle } from "../directory/earlier-bundle.ts";
import { dropUnfinished } from "../directory/pull-directory.ts";
import { NO_PROGRESS, type PullProgress, readPullJournal } from "../directory/pull-journal.ts";
import {
  isEqual,
  makesSameBytes,
  type PinnedPlan,
  PLAN_LIFETIME_MS,
  readPinnedPlan,
  type StatePaths,
  writePinnedPlan,
} from "../directory/pull-state.ts";
import { finishSettingAside, listEarlierFiles, setAside } from "../directory/set-aside.ts";
import { checkSpace } from "../directory/space.ts";
import { type BundleWork, planWork } from "../directory/transfer-plan.ts";
import { recordedSelection } from "../directory/wishes.ts";
import type { PullOptions } from "../pull-options.ts";
import { expectBytes } from "./expect-bytes.ts";
import { findContents } from "./find-contents.ts";
import { requireSignaturesOf, trustFilesOf } from "./require-signatures.ts";
import type { ResolvingOptions } from "./resolve-contents.ts";

/** Where a pull keeps what it reads. */
export interface PullCaches {
  /** In the directory of the bundle: its content is moved to its place. */
  readonly own: ContentCache;
  /** The same, above what other runs have read. */
  readonly all: ContentCache;
  readonly records: Records | undefined;
}

export interface PinPlanOptions {
  /** What is demanded of the images of the plan. */
  readonly policy?: SignaturePolicy | undefined;
  readonly paths: StatePaths;
  readonly caches: PullCaches;
}

export interface Pinned {
  readonly plan: PinnedPlan;
  readonly work: BundleWork;
  readonly progress: PullProgress;
  /** What this run has fetched already, to make the plan. */
  readonly fetched: ReadonlySet<Digest>;
  /** What the images are signed with, where that was demanded. */
  readonly signatures?: readonly AcceptedSignature[] | undefined;
  /** What was set aside for this plan. */
  readonly aside?: EarlierBundle | undefined;
}

/** Goes on with the plan of an unfinished pull of the same selection, or makes a new one. */
export async function pinPlan(
  options: PullOptions,
  { paths, caches, policy }: PinPlanOptions,
): Promise<Pinned> {
  const { bundlePath, resume = true } = options;
  if (!resume) await dropUnfinished(bundlePath, paths);
  const check = async (work: BundleWork, here?: EarlierBundle) => {
    const earlierFiles = await listEarlierFiles(bundlePath, paths, here);
    const isContinued = here === undefined;
    await checkSpace(bundlePath, work, { cache: caches.own, isContinued, earlierFiles });
  };
  const unfinished = await readPinnedPlan(paths.plan);
  const demand = { options, policy, cache: caches.all };
  // With `force` tags are looked up again; what is on disk is kept in every case
  if (unfinished && !options.force && (await canContinue(unfinished, options))) {
    const signed = await lookAtSignatures(unfinished, demand);
    if (signed !== undefined) {
      const plan = await withTrustFiles(unfinished, options, paths);
      const work = planWork(plan);
      await check(work);
      return { plan, work, progress: await readPullJournal(paths.journal), ...signed };
    }
  }
  if (!unfinished) await finishSettingAside(bundlePath, paths);
  // Before anything else takes memory: what a large bundle says of itself is large
  const here = await describeEarlierBundle(bundlePath, unfinished);
  const { plan, fetched, signatures } = await makePlan(demand, {
    records: caches.records,
    // What an earlier pull has left may be most of it
    onImage: unfinished || options.force ? undefined : expectBytes(options),
  });
  const work = planWork(plan);
  const isSame = unfinished !== undefined && makesSameBytes(unfinished, plan);
  await check(work, isSame ? undefined : here);
  if (isSame) {
    await writePinnedPlan(paths, plan);
    return { plan, work, progress: await readPullJournal(paths.journal), fetched, signatures };
  }
  const aside = (await setAside(bundlePath, paths, here)) ? here : undefined;
  // The journal of a plan that is lost would speak of other tasks
  await rm(paths.journal, { force: true });
  await writePinnedPlan(paths, plan);
  return { plan, work, progress: NO_PROGRESS, fetched, signatures, aside };
}

/** A new one, of what the selection comes to now. */
async function makePlan(
  demand: Demand,
  found: Pick<ResolvingOptions, "records" | "onImage">,
): Promise<Pick<Pinned, "plan" | "fetched" | "signatures">> {
  const { options, cache } = demand;
  const { lock, chunkSizeBytes, onEvent = () => {} } = options;
  const tagsDirectory = options.cacheDirectory;
  const resolving = { ...options, ...found, cache, tagsDirectory, onEvent };
  const { contents, failures, chartImages, ...resolved } = await findContents(resolving);
  const extraFiles = [...resolved.extraFiles, ...trustFilesOf(options)];
  const { signatures, ...read } = await requireSigned(contents, demand);
  const fetched = new Set([...resolved.fetched, ...read.fetched]);
  const plan: PinnedPlan = {
    schemaVersion: 1,
    pinnedAt: Date.now(),
    selection: recordedSelection(options),
    ...(lock === undefined ? {} : { lock: lock.checksum }),
    ...(chunkSizeBytes === undefined ? {} : { chunkSizeBytes }),
    contents,
    ...(extraFiles.length > 0 ? { extraFiles } : {}),
    ...(failures.length > 0 ? { failures } : {}),
    ...(chartImages.length > 0 ? { chartImages } : {}),
  };
  return { plan, fetched, signatures };
}

/** The unfinished pull may have demanded less. */
async function withTrustFiles(
  plan: PinnedPlan,
  options: PullOptions,
  paths: StatePaths,
): Promise<PinnedPlan> {
  const missing = trustFilesOf(options).filter(
    ({ name }) => !plan.extraFiles?.some((file) => file.name === name),
  );
  if (missing.length === 0) return plan;
  const extended = { ...plan, extraFiles: [...(plan.extraFiles ?? []), ...missing] };
  await writePinnedPlan(paths, extended);
  return extended;
}

interface Demand extends Pick<PinPlanOptions, "policy"> {
  readonly options: PullOptions;
  readonly cache: ContentCache;
}

type Signed = Pick<Pinned, "fetched" | "signatures">;

async function requireSigned(
  contents: PinnedPlan["contents"],
  { options, policy, cache }: Demand,
): Promise<Signed> {
  const fetched = new Set<Digest>();
  if (policy === undefined) return { fetched };
  const onFetched = (digest: Digest) => fetched.add(digest);
  const signatures = await requireSignaturesOf(contents, { ...options, policy, cache, onFetched });
  return { fetched, signatures };
}

/** Undefined if the images of an earlier plan are refused: they may have been signed since, or their tags moved. */
async function lookAtSignatures(
  { contents }: PinnedPlan,
  demand: Demand,
): Promise<Signed | undefined> {
  try {
    return await requireSigned(contents, demand);
  } catch (error) {
    if (error instanceof SignatureRefusedError) return undefined;
    throw error;
  }
}

async function canContinue(plan: PinnedPlan, options: PullOptions): Promise<boolean> {
  const { lock, chunkSizeBytes } = options;
  const age = Date.now() - plan.pinnedAt;
  return (
    plan.failures === undefined &&
    age >= 0 &&
    age < PLAN_LIFETIME_MS &&
    plan.chunkSizeBytes === chunkSizeBytes &&
    plan.lock === lock?.checksum &&
    isEqual(plan.selection, recordedSelection(options)) &&
    (await hasSameFiles(plan))
  );
}

/** Other files make another plan: nobody can say any more what the old one would have taken. */
async function hasSameFiles({ contents }: PinnedPlan): Promise<boolean> {
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  for (const { layers, made = [] } of images) {
    for (const content of made) {
      const size = layers.find(({ digest }) => digest === content.digest)?.size;
      if (content.kind !== "file" || size === undefined) continue;
      if (!(await isUnchanged({ ...content, size }))) return false;
    }
  }
  return true;
}
