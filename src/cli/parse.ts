import yargs, { type Argv, type Options } from "yargs";
import { nearestNames, VERSION } from "../index.ts";
import type { Command } from "./command.ts";
import { EXIT_STATUS_HELP } from "./exit-code.ts";
import type { Flag } from "./options/flag.ts";
import { type CommandUsage, readWords } from "./read-words.ts";
import { UsageError } from "./usage-error.ts";

/** What the command line asks for: a command with what was typed for it, or a text such as help. */
export type Parsed =
  | {
      readonly kind: "command";
      readonly command: Command;
      readonly argv: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "text"; readonly text: string };

export interface ParseOptions {
  readonly commands: readonly Command[];
  /** Width of help texts. */
  readonly columns: number;
}

const EPILOGUE = `Every flag can be set by an environment variable: --include-module is
MIRROR_INCLUDE_MODULE, several values separated by semicolons.

${EXIT_STATUS_HELP}`;

/** Words → command; throws `UsageError`. Nothing is run or printed. */
export async function parseCommandLine(
  typed: readonly string[],
  { commands, columns }: ParseOptions,
): Promise<Parsed> {
  let parsed: Parsed | undefined;
  let text = "";
  const words = usualWords(typed);
  const named = knownCommand(words, commands);
  const read =
    named === undefined ? words : readWords(words.slice(1), { command: named, ...usageOf(named) });
  const program = createProgram({ command: named, columns });
  for (const command of named === undefined ? commands : [named]) {
    program.command({
      // yargs renders the whole help of a named command before it runs it, but not that of a default one
      command: formatUsage(command, named === undefined ? command.name : "$0"),
      describe: command.describe,
      builder: (builder: Argv) => describeCommand(builder, command),
      handler: (argv) => {
        parsed = { kind: "command", command, argv };
      },
    });
  }
  // With a callback, yargs hands its output over instead of printing it
  await program.parseAsync([...read], {}, (_error, _argv, output) => {
    text = output;
  });
  if (parsed !== undefined && text === "") return parsed;
  return { kind: "text", text: `${text === "" ? await program.getHelp() : text}\n` };
}

/** `mirror help push` is `mirror push --help`, `mirror -v` is `mirror --version`. */
function usualWords(typed: readonly string[]): readonly string[] {
  if (typed[0] === "help") return [...typed.slice(1, 2), "--help"];
  return typed[0] === "-v" ? ["--version", ...typed.slice(1)] : typed;
}

/** The command that the words start with; throws `UsageError` for a word that is none. */
function knownCommand(words: readonly string[], commands: readonly Command[]): Command | undefined {
  const [first] = words;
  if (first === undefined || ["-h", "--help", "--version"].includes(first)) return undefined;
  const command = commands.find(({ name }) => name === first);
  if (command !== undefined) return command;
  const names = commands.map(({ name }) => name);
  const near = nearestNames(first, names);
  // What looks like no command may be a secret
  throw near.length > 0
    ? new UsageError(`Unknown command "${first}"`, { hint: `Did you mean ${near.join(", ")}?` })
    : new UsageError("The first argument is not a command", {
        hint: `Use one of ${names.join(", ")}`,
      });
}

function usageOf(command: Command | undefined): CommandUsage {
  if (command === undefined) return { program: "mirror", usage: "mirror <command>" };
  return { program: `mirror ${command.name}`, usage: `mirror ${formatUsage(command)}` };
}

function createProgram({
  command,
  columns,
}: Pick<ParseOptions, "columns"> & { readonly command: Command | undefined }): Argv {
  return (
    yargs()
      .scriptName(command === undefined ? "mirror" : `mirror ${command.name}`)
      .usage(
        command === undefined
          ? "Usage: $0 <command>\n\nMoves container images and modules across an air gap."
          : `mirror ${formatUsage(command)}\n\n${command.describe}`,
      )
      .parserConfiguration({
        // `--no-platform` and `--platform` are two flags
        "boolean-negation": false,
        "camel-case-expansion": false,
        "dot-notation": false,
        "parse-numbers": false,
        "parse-positional-numbers": false,
        // `-i foo ./bundle` names one module
        "greedy-arrays": false,
      })
      // Messages are matched below
      .detectLocale(false)
      .strict()
      .exitProcess(false)
      .version(VERSION)
      .help("help")
      .alias("help", "h")
      .epilogue(EPILOGUE)
      .wrap(columns)
      .fail((message, error) => {
        throw toUsageError(error ?? message, command);
      })
  );
}

/** yargs reports its own complaints as a bare message or as a `YError`; everything else is a bug. */
function toUsageError(complaint: Error | string, command: Command | undefined): Error {
  if (complaint instanceof Error && complaint.name !== "YError") return complaint;
  const message = complaint instanceof Error ? complaint.message : complaint;
  const { program, usage } = usageOf(command);
  return new UsageError(
    message.startsWith("Not enough non-option") ? `Argument missing: ${usage}` : message,
    { hint: `Run "${program} --help" to see what is possible` },
  );
}

function describeCommand(builder: Argv, { positionals, flags, examples }: Command): Argv {
  for (const { name, describe } of positionals) {
    builder.positional(name, { type: "string", describe });
  }
  for (const [name, flag] of Object.entries(flags)) builder.option(name, toYargsOption(flag));
  return builder.example(examples.map((example) => [example]));
}

function toYargsOption({ type, describe, alias, group, choices, bare }: Flag): Options {
  return {
    describe:
      choices === undefined
        ? describe
        : `${describe} [${bare === undefined ? "" : "="}${choices.join("|")}]`,
    ...(alias === undefined ? {} : { alias }),
    ...(group === undefined ? {} : { group }),
    // Not `array`: that would take the next argument too, and refuse "-"
    ...(type === "boolean" ? { boolean: true } : { string: true, nargs: 1 }),
  };
}

/** `push <bundle> <target>`. */
function formatUsage({ name, positionals }: Command, shown: string = name): string {
  const names = positionals.map((one) => {
    const name = one.isList ? `${one.name}..` : one.name;
    return one.default === undefined && !one.isOptional ? `<${name}>` : `[${name}]`;
  });
  return [shown, ...names].join(" ");
}
