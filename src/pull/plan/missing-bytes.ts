import type { ContentCache } from "../../cache/content-cache.ts";
import { shareOut } from "../../run/share-out.ts";
import type { BlobTask } from "../directory/transfer-plan.ts";

export interface CountMissingOptions {
  /** Bytes of a blob from its first that an earlier pull seems to have written. */
  readonly available: (task: BlobTask) => number;
  readonly cache: Pick<ContentCache, "keptFrom">;
}

/** The first blob is asked for behind this: a promise for each of many would take more memory than the plan. */
const AT_ONCE = 16;

/** Bytes that have to come from the source, as far as one can tell before what is on disk is hashed. */
export async function countMissing(
  tasks: Iterable<BlobTask>,
  { available, cache }: CountMissingOptions,
): Promise<number> {
  let missing = 0;
  const count = async (task: BlobTask): Promise<void> => {
    const present = Math.min(available(task), task.size);
    const keptFrom = await cache.keptFrom(task);
    const isKept = keptFrom !== undefined && keptFrom <= present;
    missing += isKept ? 0 : task.size - present;
  };
  await Promise.all(shareOut(tasks, AT_ONCE, count));
  return missing;
}
