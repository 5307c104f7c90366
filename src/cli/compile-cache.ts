import { statSync } from "node:fs";
import * as nodeModule from "node:module";
import { join } from "node:path";
import { userCacheDirectory } from "./user-cache-directory.ts";

/** Of Node.js 22.10 and newer. */
interface CompileCache {
  readonly enableCompileCache?: (directory: string) => unknown;
  readonly flushCompileCache?: () => void;
}

const { enableCompileCache, flushCompileCache } = nodeModule as CompileCache;

/** In the user's cache. */
export const COMPILED_DIRECTORY = "compiled";

/**
 * Lets Node.js keep what it compiles of the program, beside what a user keeps of registries. It makes no directory of its own: who wants no
 * cache has none there. What lies there is run, so it has to be the user's own, and `sudo` with the home of another does without.
 * `NODE_COMPILE_CACHE` and `NODE_DISABLE_COMPILE_CACHE` have their meaning.
 */
export function keepCompiled(words: readonly string[], env: NodeJS.ProcessEnv): void {
  const cache = userCacheDirectory(env);
  // What cannot be kept before the settings change would be refused and written anew by every longer run
  if (!enableCompileCache || !flushCompileCache) return;
  // `serve` writes nothing but what it is told to
  if (cache === undefined || words.includes("serve")) return;
  const owner = statSync(cache, { throwIfNoEntry: false })?.uid;
  if (owner !== undefined && owner === process.geteuid?.()) {
    enableCompileCache(join(cache, COMPILED_DIRECTORY));
  }
}

/** What is compiled is good for the settings of V8 that it is kept under only. */
export function keepBeforeSettingsChange(): void {
  flushCompileCache?.();
}
