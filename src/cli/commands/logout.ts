import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";

export const FLAGS = {
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
  load: async () => (await import("../actions/logout.ts")).runLogoutCommand,
};
