/**
 * The script of a thread, as in `threadScript("io/content-hash-thread")`. This module lies where the program's one file
 * does after the build, so that both find it. Threads cannot run TypeScript on every Node that is supported: for a
 * source, its built file is taken.
 */
export function threadScript(path: string): URL {
  const base = import.meta.url;
  return new URL(base.endsWith(".ts") ? `../dist/${path}.js` : `./${path}.js`, base);
}
