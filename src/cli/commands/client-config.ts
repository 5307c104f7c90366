import { RUNTIME_NAMES } from "../../index.ts";
import type { Command } from "../command.ts";
import { CLIENT_CONFIG_FLAGS } from "../options/client-config.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS } from "../options/output.ts";

export const FLAGS = { ...CLIENT_CONFIG_FLAGS, ...REPORT_FLAGS } as const satisfies FlagTable;

export const CLIENT_CONFIG_COMMAND: Command<typeof FLAGS> = {
  name: "client-config",
  describe: "Configure a client so that it takes its images from a mirror",
  positionals: [{ name: "runtime", describe: `One of ${RUNTIME_NAMES.join(", ")}` }],
  flags: FLAGS,
  examples: [
    "mirror client-config containerd --mirror http://10.0.0.1:5000 --bundle ./bundle --no-fallback",
    "mirror client-config k3s --mirror https://mirror.lan --namespaces docker.io --out /etc/rancher/k3s",
    "mirror client-config containerd --remove --out /etc/containerd/certs.d",
  ],
  resumeHint: "Run the same command again: it goes on, and --remove takes everything back",
  load: async () => (await import("../actions/client-config.ts")).runClientConfigCommand,
};
