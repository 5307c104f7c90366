import type { Command } from "../command.ts";
import { BUNDLE_FLAGS } from "../options/bundle.ts";
import { SOURCE_LOGIN_FLAGS } from "../options/credentials.ts";
import type { FlagTable } from "../options/flag.ts";
import { LOCK_FLAGS } from "../options/lock.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { SELECTION_FLAGS } from "../options/selection.ts";
import { SIGNATURE_FLAGS } from "../options/signatures.ts";

/** The flags of `pull`: a plan can be asked for by putting one word in the place of another. */
const FLAGS = {
  ...SELECTION_FLAGS,
  ...LOCK_FLAGS,
  ...SOURCE_LOGIN_FLAGS,
  ...SIGNATURE_FLAGS,
  ...BUNDLE_FLAGS,
  ...REGISTRY_FLAGS,
  ...OUTPUT_FLAGS,
};

const OUT_FLAGS = {
  out: {
    type: "string",
    describe: "Write a lock of what would be pulled, for mirror pull --plan FILE",
    group: "Output:",
  },
} as const satisfies FlagTable;

export const PLAN_FLAGS = { ...FLAGS, ...OUT_FLAGS };

export const PLAN_COMMAND: Command<typeof PLAN_FLAGS> = {
  name: "plan",
  describe: "Print what would be pulled: packages, bytes, files, free space",
  positionals: [
    { name: "bundle", describe: "Where the bundle would go: its disk is looked at", default: "." },
  ],
  runsBundles: true,
  flags: PLAN_FLAGS,
  surplusHint:
    "Name images with --include-image, modules with --include-module, and put values with spaces into quotes",
  examples: [
    "mirror plan --source registry.example.com/acme -i 'foo@^1.3.0' --json",
    "mirror plan --source registry.example.com/acme -i 'foo@^1.3.0' --out lock.json",
  ],
  resumeHint: "No bundle was written; run the same command again",
  load: async () => (await import("../actions/plan.ts")).runPlanCommand,
};
