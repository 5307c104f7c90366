import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { LOGIN_FLAGS } from "../options/login.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";

export const FLAGS = {
  ...LOGIN_FLAGS,
  "no-check": {
    type: "boolean",
    describe: "Keep it without asking: for servers of files, such as Helm repositories",
    group: "Login:",
  },
  ...REGISTRY_FLAGS,
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const LOGIN_COMMAND: Command<typeof FLAGS> = {
  name: "login",
  describe: "Check a login at a registry and keep it where Docker and Podman look",
  positionals: [{ name: "registry", describe: "Host of the registry: registry.local:5000" }],
  flags: FLAGS,
  examples: ["mirror login registry.local -u admin --password-stdin <password.txt"],
  resumeHint: "Nothing was stored; run the same command again",
  load: async () => (await import("../actions/login.ts")).runLoginCommand,
};
