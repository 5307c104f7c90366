import type { CliContext } from "../command.ts";
import { askPassword } from "../options/ask-password.ts";
import type { FlagValues } from "../options/flag.ts";
import { type LOGIN_FLAGS, toLogin } from "../options/login.ts";
import { readSecret } from "../options/stdin.ts";

/** The login that a command was given, with its password from stdin or the environment. */
export async function readLogin(
  flags: FlagValues<typeof LOGIN_FLAGS>,
  registry: string,
  context: CliContext,
) {
  const { username } = flags;
  const { env, stdin } = context;
  const given = flags["password-stdin"]
    ? await readSecret(stdin)
    : username && env["MIRROR_PASSWORD"];
  const password =
    given ||
    (username && (await askPassword(`Password of "${username}" at ${registry}: `, context)));
  return toLogin(flags, password || undefined);
}
