import { type ExportForm, type ExportOptions, exportBundle, parseReference } from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/export.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { toOutputOptions } from "../options/output.ts";
import { renderExport } from "../output/export-report.ts";
import { openRenderer } from "../output/open-renderer.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { openClient } from "./open-client.ts";
import { readLogin } from "./read-login.ts";

/** What stands in front of images of registries, as other programs have it. */
const REGISTRY_SCHEME = "docker://";

export const runExportCommand: Action<typeof FLAGS> = async (given, context) => {
  const { flags, positionals, rest } = given;
  const { out, image, platform, cache, compress, list } = flags;
  if (out === undefined) {
    throw new UsageError("Cannot export: nothing says where to", { hint: "Name it with --out" });
  }
  if (rest.length === 0 && cache === undefined) {
    throw new UsageError("Cannot export: nothing says of what", {
      hint: "Name a bundle, an image as docker://REGISTRY/REPOSITORY:TAG, or a cache with --cache",
    });
  }
  const options: ExportOptions = {
    form: (positionals["form"] ?? "") as ExportForm,
    bundlePaths: rest.filter((word) => !isReference(word)),
    out,
    images: image,
    platforms: platform,
    ...(cache === undefined ? {} : { cacheDirectory: cache }),
    compress: compress as ExportOptions["compress"],
    list,
    signal: context.signal,
  };
  const report = await exportFrom(options, given, context);
  const { result } = toOutputOptions(flags, context);
  printResult(report, { ...context, result, text: renderExport });
  return exitCodeOfOutcome(report);
};

function isReference(word: string): boolean {
  return word.startsWith(REGISTRY_SCHEME);
}

/** Opens a client only where images of registries are named. */
async function exportFrom(
  options: ExportOptions,
  { flags, rest }: CommandArguments<typeof FLAGS>,
  context: CliContext,
) {
  const references = rest.filter(isReference).map((word) => word.slice(REGISTRY_SCHEME.length));
  const registries = [...new Set(references.map((text) => parseReference(text).registry))];
  const [registry] = registries;
  if (registry === undefined) return await exportBundle(options);
  if (flags.username !== undefined && registries.length > 1) {
    throw new UsageError(`Cannot use one login for ${registries.join(", ")}`, {
      hint: "Log in to each of them with mirror login, or export them one by one",
    });
  }
  const { progress, debug } = toOutputOptions(flags, context);
  const given = await readLogin(flags, registry, context);
  const login = given && { login: given.username, password: given.password, origin: "--username" };
  using renderer = openRenderer(progress, context);
  await using client = openClient({ flags, registry, login, renderer, debug, context });
  const openSource = (repository: Parameters<typeof client.repository>[0]) =>
    client.repository(repository);
  return await exportBundle({ ...options, references, openSource });
}
