import { sanitize } from "./sanitize.ts";

/** A path as a word of a command line that is to be copied: quoted where a POSIX shell would take it apart. */
export function shellWord(path: string): string {
  const text = sanitize(path);
  return /^[\p{L}\p{N}_./:@%+=,-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
