import type { ContentCache } from "../../cache/content-cache.ts";
import type { BlobTask } from "../directory/transfer-plan.ts";

export interface CountMissingOptions {
  /** Bytes of a blob from its first that an earlier pull seems to have written. */
  readonly available: (task: BlobTask) => number;
  readonly cache: Pick<ContentCache, "keptFrom">;
}

/** Bytes that have to come from the source, as far as one can tell before what is on disk is hashed. */
export async function countMissing(
  tasks: readonly BlobTask[],
  { available, cache }: CountMissingOptions,
): Promise<number> {
  const missing = await Promise.all(
    tasks.map(async (task) => {
      const present = Math.min(available(task), task.size);
      const keptFrom = await cache.keptFrom(task);
      return keptFrom !== undefined && keptFrom <= present ? 0 : task.size - present;
    }),
  );
  return missing.reduce((sum, bytes) => sum + bytes, 0);
}
