import { resolve } from "node:path";
import type { CliContext, Command, ProcessContext } from "./command.ts";
import { COMMANDS } from "./commands/list.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, exitCodeOf } from "./exit-code.ts";
import { configKeysOf } from "./options/config-keys.ts";
import { asksForDebug, noticesOfMisspelling } from "./options/environment.ts";
import { type FlagSources, resolveFlags } from "./options/flag.ts";
import { REPORT_FLAGS, resultModeOf, toOutputOptions } from "./options/output.ts";
import type { Config, ConfigBundle } from "./options/parse-config.ts";
import { renderError } from "./output/error.ts";
import { type FailureDocument, toFailureDocument, toInterruption } from "./output/failure.ts";
import { createFlagWords } from "./output/flag-words.ts";
import { formatDocument } from "./output/result.ts";
import { sanitize } from "./output/sanitize.ts";
import { type Parsed, parseCommandLine } from "./parse.ts";
import { UsageError } from "./usage-error.ts";

const HELP_COLUMNS = 100;
const ALL_FLAGS: ReadonlySet<string> = new Set(COMMANDS.flatMap(({ flags }) => Object.keys(flags)));

/** What is known of a run when it ends: more and more of it. */
interface Run {
  resumeHint: string;
  inFlags: CliContext["inFlags"];
  result: ReturnType<typeof resultModeOf>;
}

/** Runs one command line to its end and returns the exit status; never throws. */
export async function runCli(words: readonly string[], context: ProcessContext): Promise<number> {
  const run: Run = {
    resumeHint: "Run the same command again",
    inFlags: createFlagWords(undefined, COMMANDS),
    result: resultModeOf(words, context.env),
  };
  try {
    const parsed = await parseCommandLine(words, {
      commands: COMMANDS,
      columns: Math.min(HELP_COLUMNS, context.stderr.columns ?? HELP_COLUMNS),
    });
    if (parsed.kind === "text") {
      context.stdout.write(parsed.text);
      return EXIT_DONE;
    }
    return await runCommand(parsed, run, context);
  } catch (error) {
    if (context.signal.aborted) {
      context.stderr.write(`interrupted. ${run.resumeHint}.\n`);
      printFailure(toInterruption(run.resumeHint), run, context);
      return EXIT_INTERRUPTED;
    }
    const debug = isDebug(words, context.env);
    context.stderr.write(renderError(error, { debug, inFlags: run.inFlags }));
    printFailure(toFailureDocument(error), run, context);
    return exitCodeOf(error);
  }
}

/** Programs that read stdout get a document there in any case. */
function printFailure(
  document: FailureDocument,
  { result, inFlags }: Run,
  { stdout }: ProcessContext,
): void {
  if (result === "text") return;
  stdout.write(formatDocument(inFlags(document), { type: "error", result }));
}

async function runCommand(
  { command, argv }: Extract<Parsed, { kind: "command" }>,
  run: Run,
  context: ProcessContext,
): Promise<number> {
  const { env } = context;
  run.resumeHint = command.resumeHint;
  run.inFlags = createFlagWords(command, COMMANDS);
  const notices = noticesOfMisspelling(env, ALL_FLAGS);
  for (const { message } of notices) context.stderr.write(`notice: ${sanitize(message)}\n`);
  const config =
    command.name === "config" ? undefined : await readConfigFile({ argv, env, config: {} });
  const bundle = bundleOf(command, argv, config);
  const sources = { argv, env, config: { ...config?.settings, ...bundle?.settings } };
  const flags = resolveFlags(command.flags, sources);
  run.result = toOutputOptions(flags, context).result;
  const own = { ...context, inFlags: run.inFlags, notices };
  if (config && bundle === undefined && isForAll(command, argv, config)) {
    const { runBundles } = await import("./run-bundles.ts");
    return await runBundles({ command, config, sources: { argv, env, config: {} }, context: own });
  }
  const positionals = positionalsOf(command, argv);
  refuseMissing(command, positionals);
  const rest = restOf(command, argv);
  const action = await command.load();
  return await action({ flags, positionals, rest }, own);
}

async function readConfigFile(sources: FlagSources): Promise<Config | undefined> {
  const { config: path } = resolveFlags({ config: REPORT_FLAGS.config }, sources);
  if (path === undefined) return undefined;
  // Most runs have no file
  const { readConfig } = await import("./options/read-config.ts");
  return await readConfig({ path, keys: configKeysOf(COMMANDS), env: sources.env });
}

/** Whether the command is to be run for every bundle of the file. */
function isForAll({ runsBundles }: Command, argv: FlagSources["argv"], config: Config): boolean {
  return runsBundles === true && config.bundles.length > 0 && !argv["bundle"];
}

/** What the file says of the bundle that was named. */
function bundleOf(
  { runsBundles }: Command,
  argv: FlagSources["argv"],
  config: Config | undefined,
): ConfigBundle | undefined {
  const named = argv["bundle"];
  if (!runsBundles || !named || !config || config.bundles.length === 0) return undefined;
  const found = config.bundles.find(({ bundle }) => resolve(bundle) === resolve(String(named)));
  if (found !== undefined) return found;
  const names = config.bundles.map(({ bundle }) => bundle).join(", ");
  throw new UsageError(`The configuration file "${config.path}" has no bundle "${named}"`, {
    hint: `Name one of ${names}, or none for all of them`,
  });
}

function refuseMissing({ name }: Command, { bundle }: Readonly<Record<string, string>>): void {
  if (name !== "pull" || bundle !== "") return;
  throw new UsageError("Argument missing: mirror pull <bundle>", {
    hint: 'Name the directory of the bundle, or a file that lists bundles with --config; "mirror pull --help" shows all',
  });
}

function positionalsOf({ positionals }: Command, argv: FlagSources["argv"]) {
  return Object.fromEntries(
    positionals.map(({ name, default: fallback }) => [name, String(argv[name] ?? fallback ?? "")]),
  );
}

function restOf({ positionals }: Command, argv: FlagSources["argv"]): readonly string[] {
  const list = positionals.find(({ isList }) => isList);
  const given = list && argv[list.name];
  return Array.isArray(given) ? given.map(String) : [];
}

/** Asked when the flags may not even have been understood. */
function isDebug(words: readonly string[], env: CliContext["env"]): boolean {
  return words.includes("--debug") || asksForDebug(env);
}
