import { pull } from "../../index.ts";
import type { CliContext, Command, CommandArguments } from "../command.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { BUNDLE_FLAGS, toBundleOptions, toCacheOptions, toListing } from "../options/bundle.ts";
import { OUTPUT_FLAGS, toOutputOptions } from "../options/output.ts";
import { REGISTRY_FLAGS, SOURCE_LOGIN_FLAGS, toRegistryOptions } from "../options/registry.ts";
import { SELECTION_FLAGS } from "../options/selection.ts";
import { renderPullSummary } from "../output/pull-report.ts";
import { printResult } from "../output/result.ts";
import { runPlan } from "./plan.ts";
import { withSource } from "./with-source.ts";

const FLAGS = {
  ...SELECTION_FLAGS,
  ...SOURCE_LOGIN_FLAGS,
  ...BUNDLE_FLAGS,
  ...REGISTRY_FLAGS,
  ...OUTPUT_FLAGS,
};

export const PULL_COMMAND: Command<typeof FLAGS> = {
  name: "pull",
  describe: "Resolve images, modules and versions; write the bundle",
  positionals: [{ name: "bundle", describe: "Directory of the bundle" }],
  flags: FLAGS,
  examples: [
    "mirror pull ./bundle --source registry.example.com/acme -i 'foo@^1.3.0' -c 4GB",
    "mirror pull ./bundle --include-image 'ghcr.io/acme/web@^2.1' --platform linux/amd64",
  ],
  resumeHint: "Run the same command again: it goes on where it stopped",
  run: (given, context) =>
    given.flags["dry-run"] ? runPlan(given, context) : runPull(given, context),
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
