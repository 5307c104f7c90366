import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";

export const FLAGS = {
  timeout: { type: "string", describe: "How long in all: 90s, 5m (default: 30s)" },
  "tls-skip-verify": REGISTRY_FLAGS["tls-skip-verify"],
  "tls-skip-verify-host": REGISTRY_FLAGS["tls-skip-verify-host"],
  "ca-file": REGISTRY_FLAGS["ca-file"],
  "cert-file": REGISTRY_FLAGS["cert-file"],
  "key-file": REGISTRY_FLAGS["key-file"],
  "certs-dir": REGISTRY_FLAGS["certs-dir"],
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const WAIT_COMMAND: Command<typeof FLAGS> = {
  name: "wait",
  describe: "Wait until a registry answers, with 200 or by asking for a login",
  positionals: [{ name: "url", describe: "Address of the registry: http://127.0.0.1:5000" }],
  flags: FLAGS,
  examples: ["mirror wait http://127.0.0.1:5000 --timeout 2m && systemctl start k3s"],
  resumeHint: "Nothing was written; run the same command again",
  load: async () => (await import("../actions/wait.ts")).runWaitCommand,
};
