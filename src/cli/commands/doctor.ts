import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { LOGIN_FLAGS } from "../options/login.ts";
import { REPORT_FLAGS } from "../options/output.ts";
import { REGISTRY_FLAGS } from "../options/registry.ts";

export const FLAGS = {
  "probe-size": {
    type: "string",
    describe: "Largest request body that is tried (default: what push sends, 40MiB)",
    group: "Checks:",
  },
  "pull-only": {
    type: "boolean",
    describe: "Do not ask for anything that needs the permission to push",
    group: "Checks:",
  },
  ...LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  "retry-timeout": {
    ...REGISTRY_FLAGS["retry-timeout"],
    describe: "How long to go on trying one thing: 90s, 15m (default: 5s)",
  },
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const DOCTOR_COMMAND: Command<typeof FLAGS> = {
  name: "doctor",
  describe: "Try what pull and push need of a registry, and say what does not work",
  positionals: [{ name: "repository", describe: "registry/repository to look at" }],
  flags: FLAGS,
  examples: ["mirror doctor registry.local/mirror --ca-file ca.pem"],
  resumeHint: "Run the same command again",
  load: async () => (await import("../actions/doctor.ts")).runDoctorCommand,
};
