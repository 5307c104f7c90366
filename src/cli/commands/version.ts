import type { Command } from "../command.ts";
import { REPORT_FLAGS } from "../options/output.ts";

export const VERSION_COMMAND: Command<typeof REPORT_FLAGS> = {
  name: "version",
  describe: "Print the version",
  positionals: [],
  flags: REPORT_FLAGS,
  examples: ["mirror version --json"],
  resumeHint: "Run the same command again",
  load: async () => (await import("../actions/version.ts")).runVersionCommand,
};
