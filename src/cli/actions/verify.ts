import { type VerifyReport, verifyBundle } from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/verify.ts";
import { exitCodeOfReport } from "../exit-code.ts";
import { toOutputOptions } from "../options/output.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { renderVerifyReport } from "../output/reports/verify-report.ts";
import { printResult } from "../output/result.ts";
import { toSignatureOptions } from "./signature-options.ts";

export const runVerifyCommand: Action<typeof FLAGS> = async (given, context) => {
  const report = await runVerify(given, context);
  const { result } = toOutputOptions(given.flags, context);
  printResult(report, { ...context, result, text: renderVerifyReport });
  return exitCodeOfReport(report);
};

async function runVerify(
  { flags, positionals }: CommandArguments<typeof FLAGS>,
  context: CliContext,
): Promise<VerifyReport> {
  const signatureOptions = await toSignatureOptions(flags);
  using renderer = openRenderer(toOutputOptions(flags, context).progress, context);
  return await verifyBundle({
    bundlePath: positionals["bundle"] ?? ".",
    ...signatureOptions,
    signal: context.signal,
    onEvent: renderer.onEvent,
  });
}
