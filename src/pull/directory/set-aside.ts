import { join } from "node:path";
import {
  BUNDLE_MANIFEST_FILE,
  CHECKSUM_FILE,
  GOST_SUFFIX,
  PARTIAL_SUFFIX,
} from "../../bundle/format/format.ts";
import { PULL_STATE } from "../../bundle/format/state-directory.ts";
import { syncDirectory } from "../../io/atomic-write.ts";
import { hasErrorCode, storageError } from "../../io/errors.ts";
import { mkdir, readdir, rename, rm, stat } from "../../io/file-system.ts";
import { readOwnFiles } from "./own-files.ts";
import { readPinnedPlan, type StatePaths } from "./pull-state.ts";
import { planWork } from "./transfer-plan.ts";

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
  // Lists the files of a bundle whose manifest is damaged
  await moveIfPresent(join(bundlePath, CHECKSUM_FILE), join(directory, CHECKSUM_FILE));
  await moveIfPresent(paths.plan, join(directory, PULL_STATE.plan));
  await finishSettingAside(bundlePath, paths);
}

/**
 * Moves the journal, and the files that the newest generation lists, and no others: a bundle's directory may hold
 * foreign files. Idempotent.
 */
export async function finishSettingAside(bundlePath: string, paths: StatePaths): Promise<void> {
  const directory = (await listGenerations(paths)).at(-1);
  if (directory === undefined) return;
  const journal = join(directory, PULL_STATE.journal);
  if (!(await exists(journal))) await moveIfPresent(paths.journal, journal);
  await rm(join(bundlePath, CHECKSUM_FILE), { force: true });
  for (const name of await listOwnFiles(directory)) {
    await moveIfPresent(join(bundlePath, name), join(directory, name));
    await moveIfPresent(join(bundlePath, `${name}${PARTIAL_SUFFIX}`), join(directory, name));
    await rm(join(bundlePath, `${name}${GOST_SUFFIX}`), { force: true });
  }
  await syncDirectory(bundlePath);
}

/** Paths of the files that were set aside or will be; not all of them need be there. */
export async function listEarlierFiles(
  bundlePath: string,
  paths: StatePaths,
  { isContinued }: { readonly isContinued: boolean },
): Promise<string[]> {
  const generations = await listGenerations(paths);
  const aside = generations.map(async (directory) =>
    (await listOwnFiles(directory)).map((name) => join(directory, name)),
  );
  const names = isContinued ? [] : await listOwnFiles(bundlePath, paths.plan);
  const here = names.flatMap((name) => [name, `${name}${PARTIAL_SUFFIX}`]);
  return [...(await Promise.all(aside)).flat(), ...here.map((name) => join(bundlePath, name))];
}

async function listOwnFiles(
  directory: string,
  planPath = join(directory, PULL_STATE.plan),
): Promise<string[]> {
  const plan = await readPinnedPlan(planPath);
  if (plan) return namesOf(planWork(plan).plans, plan.extraFiles);
  const { packages, extra } = await readOwnFiles(directory);
  return [...packages.flat().map(({ name }) => name), ...extra];
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

/** Directories of earlier bundles, oldest first. */
export async function listGenerations(paths: StatePaths): Promise<string[]> {
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
