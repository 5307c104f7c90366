import {
  type PlanPullOptions,
  type PullPlanReport,
  planPull,
  planPullWithLock,
  type QuotaNeed,
  quotaNeeds,
  writeLock,
} from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { PLAN_FLAGS } from "../commands/plan.ts";
import type { FLAGS } from "../commands/pull.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { toBundleOptions, toCacheOptions, toListing } from "../options/bundle.ts";
import { toOutputOptions } from "../options/output.ts";
import { renderPlan } from "../output/reports/pull-report.ts";
import { printResult } from "../output/result.ts";
import { sanitize } from "../output/sanitize.ts";
import { formatCount, formatDuration } from "../output/units.ts";
import { withSource } from "./with-source.ts";

export const runPlanCommand: Action<typeof PLAN_FLAGS> = async (given, context) => {
  return await runPlan(given, context, { lockPath: given.flags.out });
};

/** Also `pull --dry-run`. */
export async function runPlan(
  { flags, positionals }: CommandArguments<typeof FLAGS>,
  context: CliContext,
  { lockPath }: { readonly lockPath?: string | undefined } = {},
): Promise<number> {
  const bundlePath = positionals["bundle"] ?? ".";
  const { chunkSizeBytes } = toBundleOptions(flags);
  const plan = await withSource(
    flags,
    { bundlePath, context },
    async (options, notices, client) => {
      const wishes = { ...options, ...toCacheOptions(flags, context.env), chunkSizeBytes };
      const planned = await planInto(lockPath, wishes);
      const quotas = quotaNeeds(planned, client.quotas());
      const needs = quotas.map((quota) => ({ code: "QUOTA_NEEDED", message: describeNeed(quota) }));
      for (const need of needs) options.onEvent?.({ type: "notice", ...need });
      return {
        ...planned,
        ...(quotas.length > 0 ? { quotas } : {}),
        notices: [...notices, ...planned.notices, ...needs],
      };
    },
  );
  const { result } = toOutputOptions(flags, context);
  const text = (shown: typeof plan) => renderPlan(shown, { listing: toListing(flags, "versions") });
  printResult(plan, { ...context, result, text });
  if (lockPath !== undefined) context.stderr.write(lockLine(lockPath, plan.failures.length));
  return exitCodeOfOutcome({ complete: plan.failures.length === 0 });
}

/** Plans; what a later pull can be given goes into a file if one is named. */
async function planInto(
  lockPath: string | undefined,
  options: PlanPullOptions,
): Promise<PullPlanReport> {
  if (lockPath === undefined) return await planPull(options);
  const { plan, lock } = await planPullWithLock(options);
  if (lock !== undefined) await writeLock(lockPath, lock);
  return plan;
}

function describeNeed({ registry, needed, remaining, limit, windowMs }: QuotaNeed): string {
  const window = windowMs === undefined ? "" : ` in ${formatDuration(windowMs / 1000)}`;
  const of = limit === undefined ? "" : ` of ${limit}${window}`;
  const wait = needed > remaining ? ": it will have to wait for more" : "";
  return `Registry "${registry}" has ${remaining}${of} requests left, a pull needs ${needed} at most${wait}`;
}

function lockLine(path: string, failures: number): string {
  const shown = sanitize(path);
  return failures === 0
    ? `The lock is in "${shown}": pull exactly this with mirror pull ./bundle --plan ${shown}\n`
    : `No lock was written: ${formatCount(failures, "image")} cannot be had\n`;
}
