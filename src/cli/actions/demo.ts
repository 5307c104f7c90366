import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DemoSummary, runDemo } from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/demo.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import { toOutputOptions } from "../options/output.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { renderDemoStep, renderDemoSummary } from "../output/reports/demo-report.ts";
import { printResult } from "../output/result.ts";

export const runDemoCommand: Action<typeof FLAGS> = async (given, context) => {
  const summary = await inDirectory(given.flags.directory, (directory) =>
    demonstrate(directory, given, context),
  );
  const { result } = toOutputOptions(given.flags, context);
  const text = () => renderDemoSummary(summary, given.flags.directory);
  printResult(summary, { ...context, result, text });
  return exitCodeOfOutcome(summary);
};

async function demonstrate(
  directory: string,
  { flags }: CommandArguments<typeof FLAGS>,
  context: CliContext,
): Promise<DemoSummary> {
  const { progress, result } = toOutputOptions(flags, context);
  // The story is told by its steps; lines of progress between them are shown on request
  using renderer = openRenderer(flags.progress === undefined ? "none" : progress, context);
  return await runDemo({
    directory,
    signal: context.signal,
    onEvent: renderer.onEvent,
    onStep: (step) => {
      if (result === "text") context.stdout.write(renderDemoStep(step));
    },
  });
}

async function inDirectory<Result>(
  chosen: string | undefined,
  work: (directory: string) => Promise<Result>,
): Promise<Result> {
  if (chosen !== undefined) return await work(chosen);
  const directory = await mkdtemp(join(tmpdir(), "mirror-demo-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
