import { planPull } from "../../index.ts";
import type { CliContext, Command, CommandArguments } from "../command.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { BUNDLE_FLAGS, toBundleOptions, toCacheOptions, toListing } from "../options/bundle.ts";
import { OUTPUT_FLAGS, toOutputOptions } from "../options/output.ts";
import { REGISTRY_FLAGS, SOURCE_LOGIN_FLAGS } from "../options/registry.ts";
import { SELECTION_FLAGS } from "../options/selection.ts";
import { renderPlan } from "../output/pull-report.ts";
import { printResult } from "../output/result.ts";
import { withSource } from "./with-source.ts";

/** The flags of `pull`: a plan can be asked for by putting one word in the place of another. */
const FLAGS = {
  ...SELECTION_FLAGS,
  ...SOURCE_LOGIN_FLAGS,
  ...BUNDLE_FLAGS,
  ...REGISTRY_FLAGS,
  ...OUTPUT_FLAGS,
};

export const PLAN_COMMAND: Command<typeof FLAGS> = {
  name: "plan",
  describe: "Print what would be pulled: packages, bytes, files, free space",
  positionals: [
    { name: "bundle", describe: "Where the bundle would go: its disk is looked at", default: "." },
  ],
  flags: FLAGS,
  examples: ["mirror plan --source registry.example.com/acme -i 'foo@^1.3.0' --json"],
  resumeHint: "No bundle was written; run the same command again",
  run: runPlan,
};

/** Also `pull --dry-run`. */
export async function runPlan(
  { flags, positionals }: CommandArguments<typeof FLAGS>,
  context: CliContext,
): Promise<number> {
  const bundlePath = positionals["bundle"] ?? ".";
  const { chunkSizeBytes } = toBundleOptions(flags);
  const plan = await withSource(flags, { bundlePath, context }, async (options, notices) => {
    const planned = await planPull({
      ...options,
      ...toCacheOptions(flags, context.env),
      chunkSizeBytes,
    });
    return { ...planned, notices: [...notices, ...planned.notices] };
  });
  const { result } = toOutputOptions(flags, context);
  const text = (shown: typeof plan) => renderPlan(shown, { listing: toListing(flags, "versions") });
  printResult(plan, { ...context, result, text });
  return exitCodeOfOutcome({ complete: plan.failures.length === 0 });
}
