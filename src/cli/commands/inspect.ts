import type { Command } from "../command.ts";
import { REPORT_FLAGS } from "../options/output.ts";

export const INSPECT_COMMAND: Command<typeof REPORT_FLAGS> = {
  name: "inspect",
  describe: "Show what is in a bundle: packages, images, tags, digests, sizes",
  positionals: [{ name: "bundle", describe: "Directory of the bundle, or one package file of it" }],
  flags: REPORT_FLAGS,
  examples: ["mirror inspect ./bundle --json"],
  resumeHint: "Nothing was written; run the same command again",
  load: async () => (await import("../actions/inspect.ts")).runInspectCommand,
};
