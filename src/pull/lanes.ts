import type { ContentCache } from "../cache/content-cache.ts";
import { shareOut } from "../run/share-out.ts";
import type { BundleWork } from "./directory/transfer-plan.ts";

export interface LanesOptions {
  readonly tasks: BundleWork["tasks"];
  readonly cache: ContentCache;
  /** Large blobs at a time. */
  readonly concurrency: number;
  /** All small blobs have been acted on. */
  readonly onSmallEnd?: (() => void) | undefined;
}

/** Blobs up to this size have a lane of their own, so that they never wait behind layers. */
export const SMALL_BYTES: number = 1024 * 1024;

/** So many small blobs are asked for where one large one comes: what they take is the way there and back. */
const SMALL_FACTOR = 4;

/** Tasks by their number. */
interface Lanes {
  readonly small: number[];
  readonly large: number[];
  /** Large blobs that are moved here from the cache: one at a time, so that the disk holds little of them twice. */
  readonly kept: number[];
}

/** Acts on every task, several at a time, each lane in the order of the tasks; resolves when all lanes have ended. */
export async function runLanes(
  options: LanesOptions,
  act: (id: number) => Promise<void>,
): Promise<readonly PromiseSettledResult<void>[]> {
  const { concurrency, onSmallEnd } = options;
  const { small, large, kept } = await assignLanes(options);
  // one stays one
  const smallLanes = shareOut(small, 1 + (concurrency - 1) * SMALL_FACTOR, act);
  void Promise.allSettled(smallLanes).then(onSmallEnd);
  return await Promise.allSettled([
    ...smallLanes,
    ...shareOut(large, concurrency, act),
    ...shareOut(kept, 1, act),
  ]);
}

async function assignLanes({ tasks, cache }: LanesOptions): Promise<Lanes> {
  const lanes: Lanes = { small: [], large: [], kept: [] };
  for (const task of tasks) {
    const isSmall = task.size <= SMALL_BYTES;
    const isKept = !isSmall && (await cache.keptFrom(task)) !== undefined;
    lanes[isSmall ? "small" : isKept ? "kept" : "large"].push(task.id);
  }
  return lanes;
}
