import {
  applyPrune,
  type Notice,
  type PruneList,
  type PruneSummary,
  parseRepositoryReference,
  planPrune,
  type RegistryClient,
  type RepositoryReference,
  readPruneList,
  writePruneList,
} from "../../index.ts";
import type { Action, CliContext } from "../command.ts";
import type { FLAGS } from "../commands/prune.ts";
import { EXIT_DONE, exitCodeOfOutcome } from "../exit-code.ts";
import { askPassword } from "../options/ask-password.ts";
import { noticesOfPasswords, toTargetLogin } from "../options/credentials.ts";
import type { FlagValues } from "../options/flag.ts";
import { toOutputOptions } from "../options/output.ts";
import { parseCount } from "../options/selection.ts";
import { readSecret } from "../options/stdin.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import type { Renderer } from "../output/progress/renderer.ts";
import { renderPruneList, renderPruneSummary } from "../output/reports/prune-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { openClient } from "./open-client.ts";

type PruneFlags = FlagValues<typeof FLAGS>;

export const runPruneCommand: Action<typeof FLAGS> = async ({ flags, positionals }, context) => {
  const target = parseRepositoryReference(positionals["target"] ?? "");
  return flags.apply === undefined
    ? await runList(target, flags, context)
    : await runApply(target, { ...flags, apply: flags.apply }, context);
};

/** Says what would go, and deletes nothing. */
async function runList(
  target: RepositoryReference,
  flags: PruneFlags,
  context: CliContext,
): Promise<number> {
  const { latest } = flags;
  const list = await withTarget(target, flags, context, async ({ client, onNotice }) => {
    return await planPrune({
      ...placeOf(target, client),
      keepBundles: flags["keep-bundle"],
      keepLocks: flags["keep-lock"],
      policies: flags.policy,
      modulesPathSuffix: flags["modules-path-suffix"],
      newerThan: flags["newer-than"],
      excludeTags: flags["exclude-tag"],
      ...(latest === undefined ? {} : { latest: parseCount(latest, "latest") }),
      signal: context.signal,
      onNotice,
    });
  });
  if (flags.out !== undefined) await writePruneList(flags.out, list);
  const { result } = toOutputOptions(flags, context);
  const text = (shown: PruneList) => renderPruneList(shown, flags.out);
  printResult(list, { ...context, result, text });
  return EXIT_DONE;
}

const KEEPING = [
  "keep-bundle",
  "keep-lock",
  "policy",
  "latest",
  "newer-than",
  "exclude-tag",
] as const;

async function runApply(
  target: RepositoryReference,
  flags: PruneFlags & { readonly apply: string },
  context: CliContext,
): Promise<number> {
  const beside = [...KEEPING, "out" as const].filter((name) => flags[name] !== undefined);
  if (beside.length > 0) {
    throw new UsageError(`Cannot use --${beside[0]} with --apply: the list says what goes`, {
      hint: "Make another list without --apply, then apply that one",
    });
  }
  const list = await readPruneList(flags.apply);
  const summary = await withTarget(
    target,
    flags,
    context,
    async ({ client, onNotice, renderer }) => {
      return await applyPrune({
        ...placeOf(target, client),
        list,
        signal: context.signal,
        onNotice,
        onDeleted: ({ repository, digest }) => renderer.onLine(`deleted ${repository}@${digest}`),
      });
    },
  );
  const { result } = toOutputOptions(flags, context);
  printResult<PruneSummary>(summary, { ...context, result, text: renderPruneSummary });
  return exitCodeOfOutcome(summary);
}

function placeOf(target: RepositoryReference, client: RegistryClient) {
  const registry = client.registry(target.registry);
  return {
    target,
    openTarget: client.repository,
    listRepositories: registry.listRepositories,
  };
}

interface Opened {
  readonly client: RegistryClient;
  readonly renderer: Renderer;
  readonly onNotice: (notice: Notice) => void;
}

async function withTarget<Result extends { readonly notices: readonly Notice[] }>(
  { registry }: RepositoryReference,
  flags: PruneFlags,
  context: CliContext,
  work: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const { progress, debug } = toOutputOptions(flags, context);
  const { env, stdin } = context;
  const secretFromStdin = flags["registry-password-stdin"] ? await readSecret(stdin) : undefined;
  const ask = (name: string) => askPassword(`Password of "${name}" at ${registry}: `, context);
  const login = await toTargetLogin(flags, { env, secretFromStdin, ask });
  using renderer = openRenderer(progress, context);
  const onNotice = (notice: Notice) => renderer.onEvent({ type: "notice", ...notice });
  const told = noticesOfPasswords(flags, env);
  for (const notice of told) onNotice(notice);
  await using client = openClient({ flags, registry, login, renderer, debug, context });
  const result = await work({ client, renderer, onNotice });
  return { ...result, notices: [...context.notices, ...told, ...result.notices] };
}
