/** What `mirror cache` can be asked for. */
export const CACHE_ACTIONS: readonly string[] = ["ls", "stats", "prune", "rm", "clear", "warm"];
