import { join } from "node:path";
import { lockForWriting } from "../../bundle/bundle-lock.ts";
import { planFiles } from "../../bundle/format/bundle-plan.ts";
import { formatCanonicalJson } from "../../bundle/format/canonical-json.ts";
import { BUNDLE_MANIFEST_FILE } from "../../bundle/format/format.ts";
import { isStateOfPull } from "../../bundle/format/state-directory.ts";
import {
  type BundleManifest,
  hasFileSums,
  readIntactManifest,
} from "../../bundle/read/bundle-manifest.ts";
import { findDamage } from "../../bundle/read/find-damage.ts";
import { readdir, stat } from "../../io/file-system.ts";
import type { LockedPackage } from "../../lock/lock.ts";
import { call } from "../../option.ts";
import type { PullOptions, PullOutcome } from "../pull-options.ts";
import { describeSelection } from "./describe-bundle.ts";
import { PLAN_LIFETIME_MS, readPinnedPlan, removeState, type StatePaths } from "./pull-state.ts";
import { recordedSelection } from "./wishes.ts";

/**
 * Finishes a pull that was ended behind its seal, while it removed its state: `bundle.json` is written when all that it
 * claims is durable, so there is nothing left to do. Undefined if there is no such pull of the same wishes.
 */
export async function finishSealed(
  options: PullOptions,
  paths: StatePaths,
): Promise<PullOutcome | undefined> {
  const { bundlePath } = options;
  const isFresh = (await ageOfSeal(bundlePath)) < PLAN_LIFETIME_MS;
  if (!isFresh || !(await hasStateOfPull(paths))) return undefined;
  await using _lock = await lockForWriting(bundlePath);
  const manifest = await readIntactManifest(bundlePath);
  if (!manifest || !isWanted(manifest, options)) return undefined;
  await removeState(paths);
  return {
    bundlePath,
    complete: true,
    failures: [],
    bytes: manifest.packages.reduce((sum, { size }) => sum + size, 0),
    fetchedBytes: 0,
    reusedBytes: manifest.totals.uniqueBytes,
    copiedBytes: 0,
    manifest,
  };
}

/**
 * What is wrong with a complete bundle of the same wishes, where it is damaged: then the same pull repairs it. Undefined
 * if it is whole, or if there is none.
 */
export async function findDamageOfSealed(
  options: PullOptions,
  paths: StatePaths,
): Promise<string | undefined> {
  const { bundlePath, signal, onEvent = () => {} } = options;
  const manifest = await readIntactManifest(bundlePath);
  if (!manifest || !isWanted(manifest, options)) return undefined;
  // It is on the way to be sealed again
  if ((await readPinnedPlan(paths.plan)) !== undefined) return undefined;
  const means = hasFileSums(manifest)
    ? "its files are checked"
    : `it has no checksums of its files, only their sizes are looked at: use ${call("verifyBundle")}`;
  const message = `"${bundlePath}" holds a bundle of this selection: ${means}`;
  onEvent({ type: "notice", code: "BUNDLE_CHECKED", message });
  return await findDamage(bundlePath, { signal });
}

async function ageOfSeal(bundlePath: string): Promise<number> {
  try {
    const { mtimeMs } = await stat(join(bundlePath, BUNDLE_MANIFEST_FILE));
    return Math.abs(Date.now() - mtimeMs);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The state directory is removed last; a push may have one of its own there. */
async function hasStateOfPull({ directory }: StatePaths): Promise<boolean> {
  const names = await readdir(directory).catch(() => undefined);
  return names !== undefined && isStateOfPull(names);
}

function isWanted({ selection, packages }: BundleManifest, options: PullOptions): boolean {
  const { lock, chunkSizeBytes, gostDigest = false, checksums = true } = options;
  const isSame = (left: unknown, right: unknown) =>
    formatCanonicalJson(left) === formatCanonicalJson(right);
  return (
    isSame(selection, describeSelection(recordedSelection(options))) &&
    // Without a lock tags may have moved, and nobody has looked
    (lock === undefined || isSame(packages.map(contentsOf), lock.packages.map(contentsOf))) &&
    packages.every(({ name, size, files }) => {
      const found = files.map((file) => ({ name: file.name, size: file.size }));
      const hasSums = files.every(
        ({ sha256, streebog256 }) =>
          (streebog256 !== undefined) === gostDigest && (sha256 !== undefined) === checksums,
      );
      return hasSums && isSame(found, planFiles(name, size, chunkSizeBytes));
    })
  );
}

function contentsOf({ name, kind, layouts }: LockedPackage): LockedPackage {
  return { name, kind, layouts };
}
