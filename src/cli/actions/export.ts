import { EXPORT_FORMS, type ExportForm, type ExportOptions, exportBundle } from "../../index.ts";
import type { Action } from "../command.ts";
import type { FLAGS } from "../commands/export.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { toOutputOptions } from "../options/output.ts";
import { renderExport } from "../output/reports/export-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { toSignatureOptions } from "./signature-options.ts";

/** What stands in front of images of registries, as other programs have it. */
const REGISTRY_SCHEME = "docker://";

export const runExportCommand: Action<typeof FLAGS> = async (
  { flags, positionals, rest },
  context,
) => {
  const { out, image, platform, cache, compress, list } = flags;
  const form = positionals["form"] ?? "";
  const misplaced = isForm(form) ? undefined : rest.find(isForm);
  if (misplaced !== undefined) {
    throw new UsageError(`Cannot export: "${form}" is no form, and "${misplaced}" is one`, {
      hint: `The form comes first: mirror export ${misplaced} ${form} --out PATH`,
    });
  }
  if (out === undefined) {
    throw new UsageError("Cannot export: nothing says where to", { hint: "Name it with --out" });
  }
  if (rest.length === 0 && cache === undefined) {
    throw new UsageError("Cannot export: nothing says of what", {
      hint: "Name a bundle, an image as docker://REGISTRY/REPOSITORY:TAG, or a cache with --cache",
    });
  }
  const options: ExportOptions = {
    form: form as ExportForm,
    bundlePaths: rest.filter((word) => !isReference(word)),
    out,
    images: image,
    platforms: platform,
    noReferrers: flags["no-referrers"],
    ...(cache === undefined ? {} : { cacheDirectory: cache }),
    compress: compress as ExportOptions["compress"],
    list,
    ...(await toSignatureOptions(flags)),
    signal: context.signal,
  };
  const references = rest.filter(isReference).map((word) => word.slice(REGISTRY_SCHEME.length));
  const report =
    references.length === 0
      ? await exportBundle(options)
      : await (await import("./export-from-registries.ts")).exportFromRegistries(
          { ...options, references },
          { flags, context },
        );
  const { result } = toOutputOptions(flags, context);
  printResult(report, { ...context, result, text: renderExport });
  return exitCodeOfOutcome(report);
};

function isForm(word: string): boolean {
  return EXPORT_FORMS.some((form) => form === word);
}

function isReference(word: string): boolean {
  return word.startsWith(REGISTRY_SCHEME);
}
