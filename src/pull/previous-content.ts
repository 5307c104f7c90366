import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { readBundleManifest } from "../bundle/bundle-manifest.ts";
import { type PackagePlan, planPackage } from "../bundle/bundle-plan.ts";
import { openBundle } from "../bundle/bundle-reader.ts";
import {
  BUNDLE_MANIFEST_FILE,
  CHECKSUM_FILE,
  GOST_SUFFIX,
  PARTIAL_SUFFIX,
} from "../bundle/format.ts";
import { PackageFile } from "../bundle/package-file.ts";
import { syncDirectory } from "../io/atomic-write.ts";
import { hasErrorCode, storageError } from "../io/errors.ts";
import type { Digest } from "../oci/digest.ts";
import { readPullJournal } from "./pull-journal.ts";
import { type PinnedPlan, readPinnedPlan, type StatePaths } from "./pull-state.ts";
import { planTransfer } from "./transfer-plan.ts";

const PLAN_FILE = "plan.json";
const JOURNAL_FILE = "journal";

/** The blobs of an earlier bundle, complete or not, that waits in `.mirror/previous` to be taken over. */
export interface PreviousContent {
  find(digest: Digest): PreviousBlob | undefined;
  /** Deletes it: everything of use has been copied. */
  remove(): Promise<void>;
}

export interface PreviousBlob {
  /** Bytes from the first that are believed to be there. */
  readonly available: number;
  read(position: number, buffer: Buffer): Promise<number>;
}

/**
 * Moves an earlier bundle and its state out of the way, into a directory of its own. The documents that list its files
 * go first: after a crash in between, `finishSettingAside` knows what is left to move.
 */
export async function setAside(bundlePath: string, paths: StatePaths): Promise<void> {
  const manifest = join(bundlePath, BUNDLE_MANIFEST_FILE);
  if (!(await exists(paths.plan)) && !(await exists(manifest))) return;
  const directory = join(paths.previous, String((await listGenerations(paths)).length));
  await mkdir(directory, { recursive: true });
  // The plan last: without it, a manifest that is still there would stand for a complete bundle
  await moveIfPresent(manifest, join(directory, BUNDLE_MANIFEST_FILE));
  await moveIfPresent(paths.plan, join(directory, PLAN_FILE));
  await finishSettingAside(bundlePath, paths);
}

/**
 * Moves the journal, and the files that the newest generation lists, and no others: a bundle's directory may hold
 * foreign files. Idempotent.
 */
export async function finishSettingAside(bundlePath: string, paths: StatePaths): Promise<void> {
  const directory = (await listGenerations(paths)).at(-1);
  if (directory === undefined) return;
  const journal = join(directory, JOURNAL_FILE);
  if (!(await exists(journal))) await moveIfPresent(paths.journal, journal);
  await rm(join(bundlePath, CHECKSUM_FILE), { force: true });
  for (const name of await listOwnFiles(directory)) {
    await moveIfPresent(join(bundlePath, name), join(directory, name));
    await moveIfPresent(join(bundlePath, `${name}${PARTIAL_SUFFIX}`), join(directory, name));
    await rm(join(bundlePath, `${name}${GOST_SUFFIX}`), { force: true });
  }
  await syncDirectory(bundlePath);
}

async function listOwnFiles(directory: string): Promise<string[]> {
  const plan = await readPinnedPlan(join(directory, PLAN_FILE));
  if (plan) return namesOf(plansOf(plan), plan.extraFiles);
  const manifest = await readBundleManifest(directory).catch(() => undefined);
  return namesOf(manifest?.packages ?? [], manifest?.extraFiles);
}

interface Named {
  readonly name: string;
}

function namesOf(
  packages: readonly { readonly files: readonly Named[] }[],
  extraFiles: readonly Named[] = [],
): string[] {
  return [...packages.flatMap(({ files }) => files), ...extraFiles].map(({ name }) => name);
}

function plansOf({ contents, chunkSizeBytes }: PinnedPlan): PackagePlan[] {
  return contents.map((item) => planPackage(item, chunkSizeBytes));
}

/** Directories of earlier bundles, oldest first. */
async function listGenerations(paths: StatePaths): Promise<string[]> {
  try {
    const names = await readdir(paths.previous);
    return names
      .sort((left, right) => Number(left) - Number(right))
      .map((name) => join(paths.previous, name));
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return [];
    throw storageError(error, paths.previous);
  }
}

/** Opens what was set aside, the newest first; a generation that cannot be read is worth nothing. */
export async function openPrevious(paths: StatePaths): Promise<PreviousContent[]> {
  const generations = await listGenerations(paths);
  return Promise.all(generations.reverse().map(openGeneration));
}

async function openGeneration(directory: string): Promise<PreviousContent> {
  const plan = await readPinnedPlan(join(directory, PLAN_FILE));
  const { find, close } = plan
    ? await openUnfinished(directory, plan)
    : await openComplete(directory).catch(() => UNREADABLE);
  const remove = async () => {
    await close();
    await rm(directory, { recursive: true, force: true });
  };
  return { find, remove };
}

interface Generation {
  readonly find: PreviousContent["find"];
  readonly close: () => Promise<void>;
}

const UNREADABLE: Generation = { find: () => undefined, close: async () => {} };

async function openUnfinished(directory: string, plan: PinnedPlan): Promise<Generation> {
  const plans = plansOf(plan);
  const { finished, marks } = await readPullJournal(join(directory, JOURNAL_FILE));
  const files = plans.map(
    (item) => new PackageFile({ files: item.files, directory, mode: "read" }),
  );
  const blobs = new Map<Digest, PreviousBlob>();
  for (const { id, digest, size, places } of planTransfer(plans)) {
    const available = finished.has(id) ? size : (marks.get(id) ?? 0);
    const [{ package: index, entry }] = places;
    const file = files[index];
    const start = plans[index]?.entries[entry]?.offset;
    if (available === 0 || !file || start === undefined) continue;
    const read: PreviousBlob["read"] = (position, buffer) =>
      file.read(start + position, buffer).catch(nothing);
    blobs.set(digest, { available, read });
  }
  const close = async () => {
    await Promise.all(files.map((file) => file[Symbol.asyncDispose]()));
  };
  return { find: (digest) => blobs.get(digest), close };
}

async function openComplete(directory: string): Promise<Generation> {
  const bundle = await openBundle(directory);
  const find = (digest: Digest): PreviousBlob | undefined => {
    const place = bundle.findBlob(digest);
    return (
      place && {
        available: place.size,
        read: (position, buffer) => bundle.read(place, position, buffer).catch(nothing),
      }
    );
  };
  return { find, close: () => bundle[Symbol.asyncDispose]() };
}

/** What cannot be read is fetched instead. */
function nothing(): number {
  return 0;
}

async function moveIfPresent(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT")) throw storageError(error, from);
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
