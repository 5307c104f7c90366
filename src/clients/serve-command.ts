import { checkAbsolutePath } from "./plain-words.ts";
import type { ServeOptions } from "./runtime-options.ts";

export interface ServePlaces {
  /** Where bundle number `index` lies for the program. */
  readonly bundleOf: (index: number, path: string) => string;
  readonly cache: string;
  readonly listen: string;
}

/** The words behind the program that start `serve`; the pull-through cache only where there are upstreams. */
export function serveWordsOf(
  { bundles, upstreams }: ServeOptions,
  { bundleOf, cache, listen }: ServePlaces,
): string[] {
  const places = bundles.map((path, index) => bundleOf(index, checkAbsolutePath("bundles", path)));
  return [
    "serve",
    ...places,
    "--listen",
    listen,
    ...(upstreams.length > 0 ? ["--cache", cache] : []),
    ...upstreams.flatMap((upstream) => ["--upstream", upstream]),
  ];
}
