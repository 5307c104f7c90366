import { inspectBundle } from "../../index.ts";
import type { Action } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { type REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { renderBundle } from "../output/reports/bundle-report.ts";
import { printResult } from "../output/result.ts";

export const runInspectCommand: Action<typeof REPORT_FLAGS> = async (
  { flags, positionals },
  context,
) => {
  const bundlePath = positionals["bundle"] ?? ".";
  const bundle = await inspectBundle({ bundlePath, signal: context.signal });
  const { result } = toOutputOptions(flags, context);
  printResult(bundle, { ...context, result, text: renderBundle });
  return EXIT_DONE;
};
