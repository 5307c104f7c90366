import type { ContentCache } from "../../cache/content-cache.ts";
import type { BlobTask } from "../directory/transfer-plan.ts";

export interface CountMissingOptions {
  /** Bytes of a blob from its first that an earlier pull seems to have written. */
  readonly available: (task: BlobTask) => number;
  readonly cache: Pick<ContentCache, "keptFrom">;
}

/** Bytes that have to come from the source, as far as one can tell before what is on disk is hashed. */
export async function countMissing(
  tasks: Iterable<BlobTask>,
  { available, cache }: CountMissingOptions,
): Promise<number> {
  let missing = 0;
  // One after the other: a promise for each of many blobs would take more memory than the plan
  for (const task of tasks) {
    const present = Math.min(available(task), task.size);
    const keptFrom = await cache.keptFrom(task);
    const isKept = keptFrom !== undefined && keptFrom <= present;
    missing += isKept ? 0 : task.size - present;
  }
  return missing;
}
