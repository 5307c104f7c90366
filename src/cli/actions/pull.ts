import { pull } from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/pull.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { toBundleOptions, toCacheOptions, toListing } from "../options/bundle.ts";
import { toOutputOptions } from "../options/output.ts";
import { toRegistryOptions } from "../options/registry.ts";
import { renderPullSummary } from "../output/reports/pull-report.ts";
import { printResult } from "../output/result.ts";
import { runPlan } from "./plan.ts";
import { withSource } from "./with-source.ts";

export const runPullCommand: Action<typeof FLAGS> = async (given, context) => {
  return await (given.flags["dry-run"] ? runPlan(given, context) : runPull(given, context));
};

async function runPull(
  { flags, positionals }: CommandArguments<typeof FLAGS>,
  context: CliContext,
): Promise<number> {
  const bundlePath = positionals["bundle"] ?? ".";
  const bundleOptions = toBundleOptions(flags);
  const { concurrency } = toRegistryOptions(flags);
  const summary = await withSource(flags, { bundlePath, context }, async (options, notices) => {
    const cacheOptions = toCacheOptions(flags, context.env);
    const pulled = await pull({ ...options, ...bundleOptions, ...cacheOptions, concurrency });
    return { ...pulled, notices: [...notices, ...pulled.notices] };
  });
  const { result } = toOutputOptions(flags, context);
  const text = (shown: typeof summary) =>
    renderPullSummary(shown, { listing: toListing(flags, "packages") });
  printResult(summary, { ...context, result, text });
  return exitCodeOfOutcome(summary);
}
