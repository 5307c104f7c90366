import { parseRepositoryReference, readTags, type TagsReport } from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/tags.ts";
import { EXIT_DONE, exitCodeOfOutcome } from "../exit-code.ts";
import { toCacheOptions } from "../options/bundle.ts";
import { toOutputOptions } from "../options/output.ts";
import { toRegistryOptions } from "../options/registry.ts";
import { toTagsOptions } from "../options/tags.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { renderTags } from "../output/reports/tags-report.ts";
import { printResult } from "../output/result.ts";
import { LOOKING_RATE, openClient } from "./open-client.ts";
import { readLogin } from "./read-login.ts";

export const runTagsCommand: Action<typeof FLAGS> = async (given, context) => {
  const report = await lookAtTags(given, context);
  const { result } = toOutputOptions(given.flags, context);
  const now = Date.now();
  printResult(report, { ...context, result, text: (shown) => renderTags(shown, now) });
  const isComplete = report.failures.length === 0 || !given.flags.strict;
  return isComplete ? EXIT_DONE : exitCodeOfOutcome({ complete: false });
};

async function lookAtTags(
  { flags, positionals }: CommandArguments<typeof FLAGS>,
  context: CliContext,
): Promise<TagsReport> {
  const repository = parseRepositoryReference(positionals["repository"] ?? "");
  const { registry } = repository;
  const { progress, debug } = toOutputOptions(flags, context);
  const given = await readLogin(flags, registry, context);
  const login = given && { login: given.username, password: given.password, origin: "--username" };
  using renderer = openRenderer(progress, context);
  await using client = openClient({
    ...{ flags, registry, login, renderer, debug, context },
    usualRequestsPerSecond: LOOKING_RATE,
  });
  const { concurrency } = toRegistryOptions(flags);
  return await readTags({
    ...toTagsOptions(flags),
    ...toCacheOptions(flags, context.env),
    concurrency,
    repository,
    openSource: (reference) => client.repository(reference),
    signal: context.signal,
    onEvent: renderer.onEvent,
  });
}
