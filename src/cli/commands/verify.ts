import type { Command } from "../command.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";

export const VERIFY_COMMAND: Command<typeof OUTPUT_FLAGS> = {
  name: "verify",
  describe: "Check a bundle on any medium, without a registry",
  positionals: [{ name: "bundle", describe: "Directory of the bundle, or one package file of it" }],
  flags: OUTPUT_FLAGS,
  examples: ["mirror verify /media/usb/bundle"],
  resumeHint: "Nothing was written; run the same command again",
  load: async () => (await import("../actions/verify.ts")).runVerifyCommand,
};
