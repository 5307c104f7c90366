import type { Command } from "../command.ts";
import type { FlagTable } from "../options/flag.ts";
import { OUTPUT_FLAGS } from "../options/output.ts";

export const FLAGS = {
  directory: {
    type: "string",
    describe: "Keep the bundle here (default: a temporary directory that is removed)",
  },
  ...OUTPUT_FLAGS,
} as const satisfies FlagTable;

export const DEMO_COMMAND: Command<typeof FLAGS> = {
  name: "demo",
  describe: "The whole way on this machine: source registry, pull, push, verify",
  positionals: [],
  flags: FLAGS,
  examples: ["mirror demo --directory ./demo"],
  resumeHint: "Run it again",
  load: async () => (await import("../actions/demo.ts")).runDemoCommand,
};
