import type { ContentCache } from "../content-cache.ts";
import type { SharedCache } from "./shared-cache.ts";

/**
 * The cache that all runs share, and one of this run for what has no place there. Content is moved out of the own one,
 * and copied from the shared one.
 */
export function createLayeredCache(own: ContentCache, shared: SharedCache): ContentCache {
  return {
    read: async (digest) => (await own.read(digest)) ?? (await shared.read(digest)),
    async write(digest, bytes) {
      if (!(await shared.write(digest, bytes))) await own.write(digest, bytes);
    },
    async through(target, fetch) {
      const elsewhere = () => own.through(target, fetch);
      const isOwn = (await own.keptFrom(target)) === 0;
      return isOwn ? await elsewhere() : await shared.through(target, { fetch, elsewhere });
    },
    async keptFrom(target) {
      return (await own.keptFrom(target)) ?? ((await shared.has(target)) ? 0 : undefined);
    },
    async take(target, options = {}) {
      return (await own.take(target, options)) ?? shared.open(target, options.offset ?? 0);
    },
    begun: (target) => shared.begun(target),
    async release(digest) {
      await own.release(digest);
      await shared.release(digest);
    },
    async remove(digest) {
      await own.remove(digest);
      await shared.remove(digest);
    },
  };
}
