import { VERSION } from "../../index.ts";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { printResult } from "../output/result.ts";

const MEDIA_TYPE = "application/vnd.airgap-mirror.version.v1+json";

export const VERSION_COMMAND: Command<typeof REPORT_FLAGS> = {
  name: "version",
  describe: "Print the version",
  positionals: [],
  flags: REPORT_FLAGS,
  examples: ["mirror version --json"],
  resumeHint: "Run the same command again",
  async run({ flags }, context) {
    const { result } = toOutputOptions(flags, context);
    const value = { schemaVersion: 1, mediaType: MEDIA_TYPE, version: VERSION };
    printResult(value, { ...context, result, text: () => `${VERSION}\n` });
    return EXIT_DONE;
  },
};
