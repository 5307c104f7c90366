import type { ContentCache } from "../content-cache.ts";
import { CacheRoom, type CacheRoomOptions } from "./cache-room.ts";
import { createLayeredCache } from "./layered-cache.ts";
import { createRecordCache, type Records } from "./record-cache.ts";
import { SharedCache } from "./shared-cache.ts";

/** What earlier runs of all commands have read, and this one may keep. */
export interface UserCache {
  /** A cache of this run that has and keeps what the shared one can. */
  above(own: ContentCache): ContentCache;
  readonly records: Records | undefined;
}

/** Rejects if the directory cannot be written. */
export async function openUserCache(
  directory: string,
  options: CacheRoomOptions = {},
): Promise<UserCache> {
  const room = await CacheRoom.open(directory, options);
  const shared = new SharedCache(room);
  return {
    above: (own) => createLayeredCache(own, shared),
    records: createRecordCache(room),
  };
}

/** For runs that keep nothing for others. */
export const NO_USER_CACHE: UserCache = { above: (own) => own, records: undefined };
