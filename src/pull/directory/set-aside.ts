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
import { type EarlierBundle, namesOf, readEarlierBundle } from "./earlier-bundle.ts";
import type { StatePaths } from "./pull-state.ts";

/**
 * Moves an earlier bundle and its state out of the way, into a directory of its own. The documents that list its files
 * go first: after a crash in between, `finishSettingAside` knows what is left to move. False: there was nothing to move.
 */
export async function setAside(
  bundlePath: string,
  paths: StatePaths,
  here: EarlierBundle,
): Promise<boolean> {
  const manifest = join(bundlePath, BUNDLE_MANIFEST_FILE);
  if (!(await exists(paths.plan)) && !(await exists(manifest))) return false;
  const directory = join(paths.previous, String((await listGenerations(paths)).length));
  await mkdir(directory, { recursive: true });
  // The plan last: without it, a manifest that is still there would stand for a complete bundle
  await moveIfPresent(manifest, join(directory, BUNDLE_MANIFEST_FILE));
  // Lists the files of a bundle whose manifest is damaged
  await moveIfPresent(join(bundlePath, CHECKSUM_FILE), join(directory, CHECKSUM_FILE));
  await moveIfPresent(paths.plan, join(directory, PULL_STATE.plan));
  await finishSettingAside(bundlePath, paths, here);
  return true;
}

/**
 * Moves the journal, and the files that the newest generation lists, and no others: a bundle's directory may hold
 * foreign files. Idempotent. `newest` is what that generation is known to consist of.
 */
export async function finishSettingAside(
  bundlePath: string,
  paths: StatePaths,
  newest?: EarlierBundle,
): Promise<void> {
  const directory = (await listGenerations(paths)).at(-1);
  if (directory === undefined) return;
  const journal = join(directory, PULL_STATE.journal);
  if (!(await exists(journal))) await moveIfPresent(paths.journal, journal);
  await rm(join(bundlePath, CHECKSUM_FILE), { force: true });
  const names = newest ? namesOf(newest) : await listOwnFiles(directory);
  for (const name of names) {
    await moveIfPresent(join(bundlePath, name), join(directory, name));
    await moveIfPresent(join(bundlePath, `${name}${PARTIAL_SUFFIX}`), join(directory, name));
    await rm(join(bundlePath, `${name}${GOST_SUFFIX}`), { force: true });
  }
  await syncDirectory(bundlePath);
}

/** Paths of the files that were set aside or will be; not all of them need be there. `here` will be. */
export async function listEarlierFiles(
  bundlePath: string,
  paths: StatePaths,
  here: EarlierBundle | undefined,
): Promise<string[]> {
  const generations = await listGenerations(paths);
  const aside = generations.map(async (directory) =>
    (await listOwnFiles(directory)).map((name) => join(directory, name)),
  );
  const names = (here ? namesOf(here) : []).flatMap((name) => [name, `${name}${PARTIAL_SUFFIX}`]);
  return [...(await Promise.all(aside)).flat(), ...names.map((name) => join(bundlePath, name))];
}

async function listOwnFiles(directory: string): Promise<string[]> {
  return namesOf(await readEarlierBundle(directory, join(directory, PULL_STATE.plan)));
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
