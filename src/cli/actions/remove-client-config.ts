import { applyRemoval, planRemoval, renderDiff } from "../../index.ts";
import type { CliContext } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { ClientConfigFlags } from "../options/client-config.ts";
import type { FlagValues } from "../options/flag.ts";
import { type REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { renderChanges } from "../output/reports/client-config-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";

/** Takes back what was written below `--out`; with `--diff`, shows what that would change. */
export async function removeClientConfig(
  runtime: string,
  flags: ClientConfigFlags & FlagValues<typeof REPORT_FLAGS>,
  context: CliContext,
): Promise<number> {
  const { out } = flags;
  if (out === undefined) {
    throw new UsageError("Cannot use --remove: --out is missing", {
      hint: "Name the directory that the files were written below",
    });
  }
  const removal = await planRemoval(runtime, out);
  if (removal && !flags.diff) await applyRemoval(removal);
  const changes = removal?.changes ?? [];
  const diff = flags.diff ? await renderDiff(changes) : undefined;
  const nothing = `nothing of ${runtime} was written below ${out}\n`;
  const text = () => (removal === undefined ? nothing : (diff ?? renderChanges(changes)));
  const value = {
    schemaVersion: 1,
    mediaType: "application/vnd.airgap-mirror.client-config-removal.v1+json",
    runtime,
    changes: changes.map(({ path, kind }) => ({ path, kind })),
  };
  const { result } = toOutputOptions(flags, context);
  printResult(value, { ...context, result, text });
  return EXIT_DONE;
}
