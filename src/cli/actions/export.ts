import { type ExportForm, exportBundle } from "../../index.ts";
import type { Action } from "../command.ts";
import type { FLAGS } from "../commands/export.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { toOutputOptions } from "../options/output.ts";
import { renderExport } from "../output/export-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";

export const runExportCommand: Action<typeof FLAGS> = async (
  { flags, positionals, rest },
  context,
) => {
  const { out, image, platform, compress, list } = flags;
  if (out === undefined) {
    throw new UsageError("Cannot export: nothing says where to", { hint: "Name it with --out" });
  }
  const report = await exportBundle({
    form: (positionals["form"] ?? "") as ExportForm,
    bundlePaths: rest,
    out,
    images: image,
    platforms: platform,
    ...(compress === "gzip" ? { compress } : {}),
    list,
    signal: context.signal,
  });
  const { result } = toOutputOptions(flags, context);
  printResult(report, { ...context, result, text: renderExport });
  return exitCodeOfOutcome(report);
};
