import { NO_USER_CACHE, openUserCache, type UserCache } from "../../cache/user/user-cache.ts";
import { MirrorError } from "../../errors.ts";
import type { PlanPullOptions } from "../pull-options.ts";

/** The cache that a run shares with others; without one that can be written, a run keeps to its own. */
export async function openCache({
  cacheDirectory,
  cacheLimitBytes,
  onEvent = () => {},
}: PlanPullOptions): Promise<UserCache> {
  if (cacheDirectory === undefined) return NO_USER_CACHE;
  try {
    return await openUserCache(cacheDirectory, { limitBytes: cacheLimitBytes });
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error;
    const message = `What is read now is read again by the next run: the cache cannot be used. ${error.message}`;
    onEvent({ type: "notice", code: "CACHE_UNUSABLE", message });
    return NO_USER_CACHE;
  }
}
