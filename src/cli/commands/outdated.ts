import type { Command } from "../command.ts";
import { BUNDLE_FLAGS } from "../options/bundle.ts";
import { SOURCE_LOGIN_FLAGS } from "../options/credentials.ts";
import type { FlagTable } from "../options/flag.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { SELECTION_FLAGS } from "../options/selection.ts";

export const FLAGS = {
  bundle: {
    type: "string",
    describe: "Bundle to compare with; without a selection, what it was made for is looked at",
    group: "Against:",
  },
  lock: {
    type: "string",
    describe: "Lock to compare with; without a selection, what it was made for is looked at",
    group: "Against:",
  },
  target: {
    type: "string",
    describe: "registry/repository to compare with, and everything below it",
    group: "Against:",
  },
  watch: {
    type: "string",
    describe: "Look again and again: 1h, 30m; with --exit-code until there is something new",
    group: "Against:",
  },
  "exit-code": {
    type: "boolean",
    describe: "End with status 4 if there is something new",
    group: "Output:",
  },
  ...SELECTION_FLAGS,
  ...SOURCE_LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  "cache-dir": BUNDLE_FLAGS["cache-dir"],
  "no-cache": BUNDLE_FLAGS["no-cache"],
  ...OUTPUT_FLAGS,
} as const satisfies FlagTable;

export const OUTDATED_COMMAND: Command<typeof FLAGS> = {
  name: "outdated",
  describe: "Tell what the source has now against a bundle, a lock or a target",
  positionals: [],
  flags: FLAGS,
  surplusHint: "Name what to compare with: --bundle, --lock or --target",
  runsBundles: true,
  examples: [
    "mirror outdated --bundle ./bundle",
    "mirror outdated --config mirror.json --target registry.local/mirror --exit-code",
    "mirror outdated --lock lock.json --watch 1h --progress json",
  ],
  resumeHint: "Nothing was written; run the same command again",
  load: async () => (await import("../actions/outdated.ts")).runOutdatedCommand,
};
