import { isAbsolute, join } from "node:path";

/** `XDG_CACHE_HOME` as the base-directory specification has it; nowhere without a home. */
export function userCacheDirectory({
  HOME,
  XDG_CACHE_HOME,
  LOCALAPPDATA,
}: Readonly<Record<string, string | undefined>>): string | undefined {
  const given = [XDG_CACHE_HOME, LOCALAPPDATA, HOME && join(HOME, ".cache")];
  // Relative ones are to be ignored
  const base = given.find((path) => path && isAbsolute(path));
  return base && join(base, "mirror");
}
