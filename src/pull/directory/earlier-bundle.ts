import { type OwnFiles, readOwnFiles } from "./own-files.ts";
import { type PinnedPlan, readPinnedPlan } from "./pull-state.ts";
import { type BundleWork, planWork } from "./transfer-plan.ts";

/** What a directory holds of an earlier pull: both documents that say it have many megabytes, and are read once a run. */
export interface EarlierBundle {
  readonly files: OwnFiles;
  /** Where it is not complete: what it was going to be. */
  readonly work?: BundleWork | undefined;
}

/** By the plan of an unfinished pull; where there is none, as the bundle says. */
export async function readEarlierBundle(
  directory: string,
  planPath: string,
): Promise<EarlierBundle> {
  return await describeEarlierBundle(directory, await readPinnedPlan(planPath));
}

/** The same with the plan that was read. */
export async function describeEarlierBundle(
  directory: string,
  plan: PinnedPlan | undefined,
): Promise<EarlierBundle> {
  // Bundles of others are not taken over
  if (plan === undefined) return { files: await readOwnFiles(directory) };
  const work = planWork(plan);
  const packages = work.plans.map(({ files }) => files);
  return { files: { packages, extra: (plan.extraFiles ?? []).map(({ name }) => name) }, work };
}

/** Names of all its files. */
export function namesOf({ files: { packages, extra } }: EarlierBundle): string[] {
  return [...packages.flat().map(({ name }) => name), ...extra];
}
