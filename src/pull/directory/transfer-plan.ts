import {
  type BlobContent,
  type PackagePlan,
  planPackage,
} from "../../bundle/format/bundle-plan.ts";
import { findFile, startsOf } from "../../bundle/format/chunk-plan.ts";
import type { EntryPlace } from "../../bundle/write/bundle-writer.ts";
import { MadeList } from "../../made-list.ts";
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
  readonly tasks: MadeList<BlobTask>;
}

/** Pure: the work for contents. */
export function planWork({ contents, chunkSizeBytes }: PlannedBytes): BundleWork {
  const plans = contents.map((item) => planPackage(item, chunkSizeBytes));
  return { plans, tasks: planTransfer(plans) };
}

/**
 * Pure: the distinct blobs of all packages, in tar order of their first place. Entries have numbers over all packages; of
 * each blob its first is kept, and of each entry the next one of the same blob.
 */
function planTransfer(plans: readonly PackagePlan[]): MadeList<BlobTask> {
  const starts = startsOf(plans.map(({ entries }) => ({ size: entries.length })));
  const count = starts.at(-1) ?? 0;
  const firsts: number[] = [];
  /** Zero: there is none, as nothing comes before the first entry. */
  const nexts = new Uint32Array(count);
  const lasts = new Map<Digest, number>();
  let entry = 0;
  for (const plan of plans) {
    for (const { content } of plan.entries) {
      if (content.kind === "blob") {
        const last = lasts.get(content.digest);
        if (last === undefined) firsts.push(entry);
        else nexts[last] = entry;
        lasts.set(content.digest, entry);
      }
      entry++;
    }
  }
  const placeOf = (number: number): EntryPlace => {
    const index = findFile(number, starts);
    return { package: index, entry: number - (starts[index] ?? 0) };
  };
  return new MadeList(firsts.length, (id) => {
    const first = firsts[id] ?? 0;
    const places: [EntryPlace, ...EntryPlace[]] = [placeOf(first)];
    for (let next = nexts[first]; next; next = nexts[next]) places.push(placeOf(next));
    const plan = plans[places[0].package];
    const planned = plan?.entries.at(places[0].entry);
    if (!plan || planned?.content.kind !== "blob") throw new Error(`the plan has no blob ${id}`);
    const { size, content } = planned;
    return { id, digest: content.digest, size, content, package: plan.name, places };
  });
}
