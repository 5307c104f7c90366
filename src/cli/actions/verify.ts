import { type VerifyReport, verifyBundle } from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import { exitCodeOfReport } from "../exit-code.ts";
import { type OUTPUT_FLAGS, toOutputOptions } from "../options/output.ts";
import { openRenderer } from "../output/open-renderer.ts";
import { printResult } from "../output/result.ts";
import { renderVerifyReport } from "../output/verify-report.ts";

export const runVerifyCommand: Action<typeof OUTPUT_FLAGS> = async (given, context) => {
  const report = await runVerify(given, context);
  const { result } = toOutputOptions(given.flags, context);
  printResult(report, { ...context, result, text: renderVerifyReport });
  return exitCodeOfReport(report);
};

async function runVerify(
  { flags, positionals }: CommandArguments<typeof OUTPUT_FLAGS>,
  context: CliContext,
): Promise<VerifyReport> {
  using renderer = openRenderer(toOutputOptions(flags, context).progress, context);
  return await verifyBundle({
    bundlePath: positionals["bundle"] ?? ".",
    signal: context.signal,
    onEvent: renderer.onEvent,
  });
}
