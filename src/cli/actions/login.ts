import { storeLogin } from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/login.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { toOutputOptions } from "../options/output.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { printResult } from "../output/result.ts";
import { sanitize } from "../output/sanitize.ts";
import { UsageError } from "../usage-error.ts";
import { openClient, toSurroundings } from "./open-client.ts";
import { parseRegistry } from "./parse-registry.ts";
import { readLogin } from "./read-login.ts";

const MEDIA_TYPE = "application/vnd.airgap-mirror.login.v1+json";

const USER_HINT = "Give the user with --username, and the password by stdin with --password-stdin";

export const runLoginCommand: Action<typeof FLAGS> = async (given, context) => {
  const registry = parseRegistry(given.positionals["registry"] ?? "", USER_HINT);
  const login = await readLogin(given.flags, registry, context);
  if (!login) {
    throw new UsageError("Cannot log in: --username and the password are missing", {
      hint: "Give --username NAME and pipe the password in with --password-stdin",
    });
  }
  const isAsked = given.flags["no-check"] !== true;
  const { isChecked } = isAsked
    ? await check(registry, { given, context, login })
    : { isChecked: false };
  const { authfile: authFile } = given.flags;
  const options = { registry, ...login, ...toSurroundings(context.env), authFile };
  const place = await storeLogin(options);
  const { result } = toOutputOptions(given.flags, context);
  const value = {
    schemaVersion: 1,
    mediaType: MEDIA_TYPE,
    registry,
    checked: isChecked,
    storedIn: place,
  };
  const reason = isAsked ? ": the registry lets everybody in" : "";
  const doubt = isChecked ? "" : ` It was not checked${reason}.`;
  const text = () =>
    `${sanitize(`The login of "${login.username}" at ${registry} is kept in ${place}.${doubt}`)}\n`;
  printResult(value, { ...context, result, text });
  return EXIT_DONE;
};

interface CheckOptions {
  readonly given: CommandArguments<typeof FLAGS>;
  readonly context: CliContext;
  readonly login: { readonly username: string; readonly password: string };
}

async function check(registry: string, { given, context, login }: CheckOptions) {
  const { progress, debug } = toOutputOptions(given.flags, context);
  using renderer = openRenderer(progress, context);
  await using client = openClient({
    flags: { "retry-timeout": "10s", ...given.flags },
    registry,
    login: { login: login.username, password: login.password, origin: "--username" },
    renderer,
    debug,
    context,
  });
  return await client.checkLogin(registry, { signal: context.signal });
}
