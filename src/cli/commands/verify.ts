import { type VerifyReport, verifyBundle } from "../../index.ts";
import type { CliContext, Command, CommandArguments } from "../command.ts";
import { exitCodeOfReport } from "../exit-code.ts";
import { OUTPUT_FLAGS, toOutputOptions } from "../options/output.ts";
import { openRenderer } from "../output/open-renderer.ts";
import { printResult } from "../output/result.ts";
import { renderVerifyReport } from "../output/verify-report.ts";

export const VERIFY_COMMAND: Command<typeof OUTPUT_FLAGS> = {
  name: "verify",
  describe: "Check a bundle on any medium, without a registry",
  positionals: [{ name: "bundle", describe: "Directory of the bundle, or one package file of it" }],
  flags: OUTPUT_FLAGS,
  examples: ["mirror verify /media/usb/bundle"],
  resumeHint: "Nothing was written; run the same command again",
  async run(given, context) {
    const report = await runVerify(given, context);
    const { result } = toOutputOptions(given.flags, context);
    printResult(report, { ...context, result, text: renderVerifyReport });
    return exitCodeOfReport(report);
  },
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
