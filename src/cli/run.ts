import type { CliContext, Command, ProcessContext } from "./command.ts";
import { COMMANDS } from "./commands/list.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, exitCodeOf } from "./exit-code.ts";
import { asksForDebug, noticesOfMisspelling } from "./options/environment.ts";
import { type FlagSources, resolveFlags } from "./options/flag.ts";
import { REPORT_FLAGS } from "./options/output.ts";
import { readConfig } from "./options/read-config.ts";
import { renderError } from "./output/error.ts";
import { createFlagWords } from "./output/flag-words.ts";
import { sanitize } from "./output/sanitize.ts";
import { type Parsed, parseCommandLine } from "./parse.ts";

const HELP_COLUMNS = 100;
const ALL_FLAGS: ReadonlySet<string> = new Set(COMMANDS.flatMap(({ flags }) => Object.keys(flags)));

/** Runs one command line to its end and returns the exit status; never throws. */
export async function runCli(words: readonly string[], context: ProcessContext): Promise<number> {
  let resumeHint = "Run the same command again";
  let inFlags = createFlagWords(undefined, COMMANDS);
  try {
    const parsed = await parseCommandLine(words, {
      commands: COMMANDS,
      columns: Math.min(HELP_COLUMNS, context.stderr.columns ?? HELP_COLUMNS),
    });
    if (parsed.kind === "text") {
      context.stdout.write(parsed.text);
      return EXIT_DONE;
    }
    resumeHint = parsed.command.resumeHint;
    inFlags = createFlagWords(parsed.command, COMMANDS);
    return await runCommand(parsed, { ...context, inFlags });
  } catch (error) {
    if (context.signal.aborted) {
      context.stderr.write(`interrupted. ${resumeHint}.\n`);
      return EXIT_INTERRUPTED;
    }
    context.stderr.write(renderError(error, { debug: isDebug(words, context.env), inFlags }));
    return exitCodeOf(error);
  }
}

async function runCommand(
  { command, argv }: Extract<Parsed, { kind: "command" }>,
  context: CliContext,
): Promise<number> {
  const { env } = context;
  for (const notice of noticesOfMisspelling(env, ALL_FLAGS)) {
    context.stderr.write(`notice: ${sanitize(notice)}\n`);
  }
  const config = await readConfigFile({ argv, env, config: {} });
  const flags = resolveFlags(command.flags, { argv, env, config });
  return await command.run({ flags, positionals: positionalsOf(command, argv) }, context);
}

async function readConfigFile(sources: FlagSources): Promise<FlagSources["config"]> {
  const { config: path } = resolveFlags({ config: REPORT_FLAGS.config }, sources);
  if (path === undefined) return {};
  return await readConfig(path, ALL_FLAGS);
}

function positionalsOf({ positionals }: Command, argv: FlagSources["argv"]) {
  return Object.fromEntries(
    positionals.map(({ name, default: fallback }) => [name, String(argv[name] ?? fallback ?? "")]),
  );
}

/** Asked when the flags may not even have been understood. */
function isDebug(words: readonly string[], env: ProcessContext["env"]): boolean {
  return words.includes("--debug") || asksForDebug(env);
}
