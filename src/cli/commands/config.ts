import type { Command } from "../command.ts";
import { REPORT_FLAGS } from "../options/output.ts";

/** `commands`: all of the program. */
export function createConfigCommand(
  commands: () => readonly Command[],
): Command<typeof REPORT_FLAGS> {
  return {
    name: "config",
    describe: "Check a configuration file and say what it would do, or print its JSON Schema",
    positionals: [
      { name: "action", describe: "check or schema" },
      { name: "file", describe: "The file, in YAML or JSON; also --config", default: "" },
    ],
    flags: REPORT_FLAGS,
    examples: ["mirror config check mirror.yaml", "mirror config schema > mirror.schema.json"],
    resumeHint: "Nothing was written; run the same command again",
    load: async () => (await import("../actions/config.ts")).createConfigAction(commands()),
  };
}
