import type { Command } from "../command.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";
import { SIGNATURE_FLAGS } from "../options/signatures.ts";

export const FLAGS = { ...SIGNATURE_FLAGS, ...OUTPUT_FLAGS };

export const VERIFY_COMMAND: Command<typeof FLAGS> = {
  name: "verify",
  describe: "Check a bundle on any medium, without a registry",
  positionals: [{ name: "bundle", describe: "Directory of the bundle, or one package file of it" }],
  flags: FLAGS,
  examples: [
    "mirror verify /media/usb/bundle",
    "mirror verify /media/usb/bundle --require-signature 'ghcr.io/acme/*=acme.pub'",
  ],
  resumeHint: "Nothing was written; run the same command again",
  load: async () => (await import("../actions/verify.ts")).runVerifyCommand,
};
