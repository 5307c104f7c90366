import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { SERVE_FLAGS } from "../options/serve.ts";
import { SIGNATURE_FLAGS } from "../options/signatures.ts";
import { UPSTREAM_FLAGS } from "../options/upstreams.ts";

export const FLAGS = {
  ...SERVE_FLAGS,
  ...SIGNATURE_FLAGS,
  ...UPSTREAM_FLAGS,
  ...REGISTRY_FLAGS,
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const SERVE_COMMAND: Command<typeof FLAGS> = {
  name: "serve",
  describe: "Serve bundles straight from their files, and other registries through a cache",
  positionals: [
    {
      name: "bundle",
      describe: "Directory of a bundle; several add to each other",
      isList: true,
      isOptional: true,
    },
  ],
  flags: FLAGS,
  examples: [
    "mirror serve /media/usb/bundle",
    "mirror serve ./base ./update --prefer last --listen 0.0.0.0:5000",
    "mirror serve --upstream default --upstream registry.corp --cache /var/cache/mirror",
    "mirror serve --tree ./registry",
    "mirror serve --writable local --listen 0.0.0.0:5000 --htpasswd logins",
  ],
  resumeHint: "Run the same command again; what was fetched is kept",
  load: async () => (await import("../actions/serve.ts")).runServeCommand,
};
