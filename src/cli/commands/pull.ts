import type { Command } from "../command.ts";
import { BUNDLE_FLAGS } from "../options/bundle.ts";
import { SOURCE_LOGIN_FLAGS } from "../options/credentials.ts";
import { LOCK_FLAGS } from "../options/lock.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { SELECTION_FLAGS } from "../options/selection.ts";
import { SIGNATURE_FLAGS } from "../options/signatures.ts";

export const FLAGS = {
  ...SELECTION_FLAGS,
  ...LOCK_FLAGS,
  ...SOURCE_LOGIN_FLAGS,
  ...SIGNATURE_FLAGS,
  ...BUNDLE_FLAGS,
  ...REGISTRY_FLAGS,
  ...OUTPUT_FLAGS,
};

export const PULL_COMMAND: Command<typeof FLAGS> = {
  name: "pull",
  describe: "Resolve images, modules and versions; write the bundle",
  positionals: [
    {
      name: "bundle",
      describe: "Directory of the bundle; not needed with a --config that lists bundles",
      default: "",
    },
  ],
  runsBundles: true,
  flags: FLAGS,
  surplusHint:
    "Name images with --include-image, modules with --include-module, and put values with spaces into quotes",
  examples: [
    "mirror pull ./bundle --source registry.example.com/acme -i 'foo@^1.3.0' -c 4GB",
    "mirror pull ./bundle --include-image 'ghcr.io/acme/web@^2.1' --platform linux/amd64",
  ],
  resumeHint: "Run the same command again: it goes on where it stopped",
  load: async () => (await import("../actions/pull.ts")).runPullCommand,
};
