import { removeLogin } from "../../index.ts";
import type { Action } from "../command.ts";
import type { FLAGS } from "../commands/logout.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { toOutputOptions } from "../options/output.ts";
import { printResult } from "../output/result.ts";
import { toSurroundings } from "./open-client.ts";
import { parseRegistry } from "./parse-registry.ts";

export const runLogoutCommand: Action<typeof FLAGS> = async ({ flags, positionals }, context) => {
  const registry = parseRegistry(positionals["registry"] ?? "");
  const removed = await removeLogin({
    registry,
    ...toSurroundings(context.env),
    authFile: flags.authfile,
  });
  const { result } = toOutputOptions(flags, context);
  const mediaType = "application/vnd.airgap-mirror.logout.v1+json";
  const text = () => `${registry}: ${removed ? "the login is removed" : "there was no login"}\n`;
  printResult({ schemaVersion: 1, mediaType, registry, removed }, { ...context, result, text });
  return EXIT_DONE;
};
