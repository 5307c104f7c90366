import { planPull } from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/plan.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { toBundleOptions, toCacheOptions, toListing } from "../options/bundle.ts";
import { toOutputOptions } from "../options/output.ts";
import { renderPlan } from "../output/pull-report.ts";
import { printResult } from "../output/result.ts";
import { withSource } from "./with-source.ts";

export const runPlanCommand: Action<typeof FLAGS> = async (given, context) => {
  return await runPlan(given, context);
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
