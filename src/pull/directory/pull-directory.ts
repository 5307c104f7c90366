import { join } from "node:path";
import { lockForWriting } from "../../bundle/bundle-lock.ts";
import { BundleDirectoryOccupiedError } from "../../bundle/errors.ts";
import type { PackagePlan } from "../../bundle/format/bundle-plan.ts";
import {
  BUNDLE_MANIFEST_FILE,
  CHECKSUM_FILE,
  GOST_SUFFIX,
  PARTIAL_SUFFIX,
} from "../../bundle/format/format.ts";
import { STATE_DIRECTORY } from "../../bundle/format/state-directory.ts";
import { readIntactManifest } from "../../bundle/read/bundle-manifest.ts";
import { hasErrorCode, storageError } from "../../io/errors.ts";
import { mkdir, readdir, rename, rm, rmdir } from "../../io/file-system.ts";
import { option } from "../../option.ts";
import type { PullOptions } from "../pull-options.ts";
import { isEqual, readPinnedPlan, removeState, type StatePaths } from "./pull-state.ts";
import { finishSettingAside } from "./set-aside.ts";
import { planWork } from "./transfer-plan.ts";

/** Creates the directory, or refuses one whose contents a pull must not touch. */
export async function prepareDirectory(
  { bundlePath, force, selection }: PullOptions,
  paths: StatePaths,
): Promise<void> {
  let names: readonly string[];
  try {
    await mkdir(bundlePath, { recursive: true });
    names = await readdir(bundlePath);
  } catch (error) {
    throw storageError(error, bundlePath);
  }
  if (names.length === 0 || force) return;
  if (names.includes(BUNDLE_MANIFEST_FILE) && !(await isUnfinished(paths, selection))) {
    if (names.includes(STATE_DIRECTORY)) await removeLeftovers(bundlePath, paths);
    const isIntact = (await readIntactManifest(bundlePath)) !== undefined;
    const reason = isIntact
      ? "it holds a complete bundle"
      : `its "${BUNDLE_MANIFEST_FILE}" is damaged, so nobody knows for which selection it is`;
    throw new BundleDirectoryOccupiedError(bundlePath, reason, {
      hint: `Use ${option("force")} to replace it (what it holds is not fetched again), or name another directory`,
    });
  }
  if (!names.includes(STATE_DIRECTORY)) {
    throw new BundleDirectoryOccupiedError(bundlePath, "it is not empty", {
      hint: `Use ${option("force")} to pull beside what is there, or name another directory`,
    });
  }
}

/** With a plan for other wishes, or none, a bundle is one that was sealed. */
async function isUnfinished(
  paths: StatePaths,
  selection: PullOptions["selection"],
): Promise<boolean> {
  const plan = await readPinnedPlan(paths.plan);
  return plan !== undefined && isEqual(plan.selection, selection);
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

/** Removes what an unfinished pull left: its state, and the files that its plan lists. */
export async function dropUnfinished(bundlePath: string, paths: StatePaths): Promise<void> {
  const plan = await readPinnedPlan(paths.plan);
  if (plan === undefined) await finishSettingAside(bundlePath, paths);
  else {
    const files = planWork(plan).plans.flatMap(({ files }) => files.map(({ name }) => name));
    const extra = (plan.extraFiles ?? []).map(({ name }) => name);
    for (const name of [BUNDLE_MANIFEST_FILE, CHECKSUM_FILE, ...extra, ...files]) {
      await rm(join(bundlePath, `${name}${PARTIAL_SUFFIX}`), { force: true });
      await rm(join(bundlePath, name), { force: true });
      await rm(join(bundlePath, `${name}${GOST_SUFFIX}`), { force: true });
    }
  }
  await removeState(paths);
}

/** Files that an interrupted run had already named get their suffix back: everything is verified again. */
export async function reopenFiles(
  bundlePath: string,
  plans: readonly PackagePlan[],
): Promise<void> {
  for (const { name } of plans.flatMap(({ files }) => files)) {
    const path = join(bundlePath, name);
    await rename(path, `${path}${PARTIAL_SUFFIX}`).catch((error: unknown) => {
      if (!hasErrorCode(error, "ENOENT")) throw storageError(error, path);
    });
  }
}
