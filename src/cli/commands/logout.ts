import { removeLogin } from "../../index.ts";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { printResult } from "../output/result.ts";
import { toSurroundings } from "./open-client.ts";
import { parseRegistry } from "./parse-registry.ts";

const FLAGS = {
  authfile: REGISTRY_FLAGS.authfile,
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const LOGOUT_COMMAND: Command<typeof FLAGS> = {
  name: "logout",
  describe: "Forget the login of a registry",
  positionals: [{ name: "registry", describe: "Host of the registry: registry.local:5000" }],
  flags: FLAGS,
  examples: ["mirror logout registry.local"],
  resumeHint: "Run the same command again",
  async run({ flags, positionals }, context) {
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
  },
};
