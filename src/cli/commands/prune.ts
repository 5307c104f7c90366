import type { Command } from "../command.ts";
import { TARGET_LOGIN_FLAGS } from "../options/credentials.ts";
import type { FlagTable } from "../options/flag.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { SELECTION_FLAGS } from "../options/selection.ts";

export const FLAGS = {
  "keep-bundle": {
    type: "list",
    describe: "Bundle whose push is to stay: directory or package file; repeatable",
    group: "Keep:",
  },
  "keep-lock": {
    type: "list",
    describe: "Lock of a bundle that is to stay; repeatable",
    group: "Keep:",
  },
  policy: {
    type: "list",
    describe:
      "path[@policy] below the target, * for any text: modules/foo@semver:>=1.3; alone, nothing else is touched; repeatable",
    group: "Keep:",
  },
  latest: { ...SELECTION_FLAGS.latest, group: "Keep:" },
  "newer-than": { ...SELECTION_FLAGS["newer-than"], group: "Keep:" },
  "exclude-tag": { ...SELECTION_FLAGS["exclude-tag"], group: "Keep:" },
  out: {
    type: "string",
    describe: "Write the list of what would be deleted, to be read and applied",
    group: "Steps:",
  },
  apply: {
    type: "string",
    describe: "Delete what this list says, but for what is needed by now",
    group: "Steps:",
  },
  "modules-path-suffix": {
    type: "string",
    describe: "Path of the modules below the target (default: modules)",
    group: "Target:",
  },
  ...TARGET_LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  ...OUTPUT_FLAGS,
} as const satisfies FlagTable;

export const PRUNE_COMMAND: Command<typeof FLAGS> = {
  name: "prune",
  describe: "Delete in a target what nothing kept needs, in two steps: a list, then --apply LIST",
  positionals: [{ name: "target", describe: "registry/repository that was pushed to" }],
  flags: FLAGS,
  examples: [
    "mirror prune registry.local/mirror --keep-bundle ./bundle --out list.json",
    "mirror prune registry.local/mirror --policy 'modules/foo@semver:>=1.3' --out list.json",
    "mirror prune registry.local/mirror --apply list.json",
  ],
  resumeHint: "Run the same command again: what is gone is gone",
  load: async () => (await import("../actions/prune.ts")).runPruneCommand,
};
