import type { CliContext } from "../command.ts";
import type { FlagValues } from "../options/flag.ts";
import { type LOGIN_FLAGS, toLogin } from "../options/login.ts";
import { readSecret } from "../options/stdin.ts";

/** The login that a command was given, with its password from stdin or the environment. */
export async function readLogin(
  flags: FlagValues<typeof LOGIN_FLAGS>,
  { env, stdin }: Pick<CliContext, "env" | "stdin">,
) {
  const password = flags["password-stdin"]
    ? await readSecret(stdin)
    : flags.username && env["MIRROR_PASSWORD"];
  return toLogin(flags, password || undefined);
}
