import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { LOGIN_FLAGS } from "../options/login.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { TAGS_FLAGS } from "../options/tags.ts";

export const FLAGS = {
  ...TAGS_FLAGS,
  ...LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  ...OUTPUT_FLAGS,
} as const satisfies FlagTable;

export const TAGS_COMMAND: Command<typeof FLAGS> = {
  name: "tags",
  describe: "Show the tags of a repository: digest, platforms, time, size, labels, signatures",
  positionals: [{ name: "repository", describe: "registry/repository to look at" }],
  flags: FLAGS,
  examples: [
    "mirror tags docker.io/library/nginx --match 'semver:~1.27' --limit 10",
    "mirror tags ghcr.io/acme/web --sort created --json",
  ],
  resumeHint: "Run the same command again: what it has found out is kept",
  load: async () => (await import("../actions/tags.ts")).runTagsCommand,
};
