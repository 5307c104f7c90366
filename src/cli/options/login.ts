import { UsageError } from "../usage-error.ts";
import type { FlagTable, FlagValues } from "./flag.ts";

/** Who we are at the one registry of a command. */
export const LOGIN_FLAGS = {
  username: {
    type: "string",
    describe: "User name",
    alias: "u",
    group: "Login:",
  },
  "password-stdin": {
    type: "boolean",
    describe: "Read the password or token from stdin",
    group: "Login:",
  },
} as const satisfies FlagTable;

/** Name and password that were given; undefined: neither. The password comes by stdin or `MIRROR_PASSWORD`. */
export function toLogin(
  flags: FlagValues<typeof LOGIN_FLAGS>,
  password: string | undefined,
): { readonly username: string; readonly password: string } | undefined {
  const { username } = flags;
  if (username !== undefined && password !== undefined) return { username, password };
  if (username === undefined && password === undefined) return undefined;
  const missing = username === undefined ? "--username" : "the password";
  throw new UsageError(`Cannot log in: ${missing} is missing`, {
    hint: "Give --username NAME and pipe the password in with --password-stdin, or set MIRROR_PASSWORD",
  });
}
