import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { LOGIN_FLAGS } from "../options/login.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";

export const FLAGS = {
  "exit-code": {
    type: "boolean",
    describe: "End with status 4 if there are differences",
    group: "Output:",
  },
  markdown: {
    type: "boolean",
    describe: "Print Markdown, for a merge request or a letter",
    group: "Output:",
  },
  "verbose-summary": {
    type: "boolean",
    describe: "List all images, also those that only digests name",
    group: "Output:",
  },
  "modules-path-suffix": {
    type: "string",
    describe: "Path of the modules below a target (default: modules)",
    group: "Target:",
  },
  ...LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const DIFF_COMMAND: Command<typeof FLAGS> = {
  name: "diff",
  describe: "Compare any two of a lock, a bundle and a target: images, versions, bytes",
  positionals: [
    {
      name: "left",
      describe: "Lock (FILE.json), bundle (directory or package file) or registry/repository",
    },
    { name: "right", describe: "The same: what it has otherwise is told" },
  ],
  flags: FLAGS,
  examples: [
    "mirror diff lock.old.json lock.json --markdown",
    "mirror diff ./bundle registry.local/mirror --exit-code",
  ],
  resumeHint: "Nothing was written; run the same command again",
  load: async () => (await import("../actions/diff.ts")).runDiffCommand,
};
