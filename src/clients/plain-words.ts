import { OptionInvalidError } from "../errors.ts";

/** Paths that are written into formats without quotes: absolute, and of characters that mean nothing there. */
export function checkAbsolutePath(option: string, path: string): string {
  if (/^\/[\w@%+=:,./-]*$/.test(path)) return path;
  throw new OptionInvalidError(option, `${JSON.stringify(path)} cannot be written into that file`, {
    hint: "Use an absolute path of letters, digits and / . _ - + = @ , : %",
  });
}

/** Names of clusters stand in shell commands. */
export function checkClusterName(name: string): string {
  if (/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name)) return name;
  throw new OptionInvalidError("cluster", `${JSON.stringify(name)} is no name of a cluster`, {
    hint: "Use lower-case letters, digits, dots and dashes",
  });
}
