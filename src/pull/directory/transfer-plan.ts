import type { EntryPlace } from "../../bundle/bundle-writer.ts";
import {
  type BlobContent,
  type PackagePlan,
  planPackage,
} from "../../bundle/format/bundle-plan.ts";
import type { Digest } from "../../oci/digest.ts";
import type { PlannedBytes } from "./pull-state.ts";

/** One blob and every place in the bundle that needs it: fetched once, written everywhere. */
export interface BlobTask {
  /** Position in the plan's order; the journal speaks of tasks by it. */
  readonly id: number;
  readonly digest: Digest;
  readonly size: number;
  readonly content: BlobContent;
  /** Name of the package that has its first place. */
  readonly package: string;
  readonly places: readonly [EntryPlace, ...EntryPlace[]];
}

/** What is to be done for a bundle: where every byte goes, and which blobs have to come. */
export interface BundleWork {
  readonly plans: readonly PackagePlan[];
  readonly tasks: readonly BlobTask[];
}

/** Pure: the work for contents. */
export function planWork({ contents, chunkSizeBytes }: PlannedBytes): BundleWork {
  const plans = contents.map((item) => planPackage(item, chunkSizeBytes));
  return { plans, tasks: planTransfer(plans) };
}

/** Pure: the distinct blobs of all packages, in tar order of their first place. */
function planTransfer(plans: readonly PackagePlan[]): BlobTask[] {
  const tasks = new Map<
    Digest,
    { task: Omit<BlobTask, "places">; places: [EntryPlace, ...EntryPlace[]] }
  >();
  for (const [index, plan] of plans.entries()) {
    for (const [position, { content, size }] of plan.entries.entries()) {
      if (content.kind !== "blob") continue;
      const place = { package: index, entry: position };
      const known = tasks.get(content.digest);
      if (known) known.places.push(place);
      else {
        const task = { id: tasks.size, digest: content.digest, size, content, package: plan.name };
        tasks.set(content.digest, { task, places: [place] });
      }
    }
  }
  return [...tasks.values()].map(({ task, places }) => ({ ...task, places }));
}
