import { EXPORT_FORMS } from "../../index.ts";
import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { LOGIN_FLAGS } from "../options/login.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";
import { SIGNATURE_FLAGS } from "../options/signatures.ts";

export const FLAGS = {
  out: {
    type: "string",
    describe: "File to write; for oci-layout and static the directory to make",
    group: "Export:",
  },
  image: {
    type: "list",
    describe: "Image to export, * stands for any text; repeatable (default: all)",
    group: "Export:",
  },
  platform: {
    type: "list",
    describe: "Platform to keep of multi-platform images: os/arch[/variant]; repeatable",
    group: "Export:",
  },
  "no-referrers": {
    type: "boolean",
    describe: "Leave out what belongs to images: signatures, attestations, SBOMs",
    group: "Export:",
  },
  cache: {
    type: "string",
    describe: "Directory of what serve has kept of its upstreams: export from there as well",
    group: "Export:",
  },
  compress: {
    type: "string",
    describe: "Compress the archive: for k3s and docker load; ctr and podman do not read that",
    choices: ["gzip", "zstd"],
    group: "Export:",
  },
  list: {
    type: "boolean",
    describe: "For k3s: write the names of the images, for a .txt in agent/images",
    group: "Export:",
  },
  ...SIGNATURE_FLAGS,
  ...LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const EXPORT_COMMAND: Command<typeof FLAGS> = {
  name: "export",
  describe: "Make archives and trees that runtimes use without a registry",
  positionals: [
    { name: "form", describe: `One of ${EXPORT_FORMS.join(", ")}` },
    {
      name: "bundles",
      describe:
        "Directories of bundles, package files, or docker://REGISTRY/REPOSITORY:TAG for images of registries",
      isList: true,
      isOptional: true,
    },
  ],
  flags: FLAGS,
  examples: [
    "mirror export k3s ./bundle --out /var/lib/rancher/k3s/agent/images/mirror.tar",
    "mirror export docker-archive ./bundle --image 'docker.io/library/*' --platform linux/arm64 --out web.tar",
    "mirror export k3s docker://ghcr.io/acme/web:v2 --out web.tar",
  ],
  resumeHint:
    "Run the same command again: it starts over, and what was there is kept until it ends",
  load: async () => (await import("../actions/export.ts")).runExportCommand,
};
