import yargs, { type Argv, type Options } from "yargs";
import { VERSION } from "../index.ts";
import type { Command } from "./command.ts";
import { formatUsage } from "./command-usage.ts";
import { EXIT_STATUS_HELP } from "./exit-code.ts";
import type { Flag } from "./options/flag.ts";

export interface HelpOptions {
  readonly commands: readonly Command[];
  /** Width of the text. */
  readonly columns: number;
}

const EPILOGUE = `Every flag can be set by an environment variable: --include-module is
MIRROR_INCLUDE_MODULE, several values separated by semicolons.

${EXIT_STATUS_HELP}`;

/** The help of a command, or of the whole program. */
export async function renderHelp(
  command: Command | undefined,
  { commands, columns }: HelpOptions,
): Promise<string> {
  const program = createProgram(command, columns);
  for (const shown of command === undefined ? commands : [command]) {
    program.command({
      command: formatUsage(shown, command === undefined ? shown.name : "$0"),
      describe: shown.describe,
      builder: (builder: Argv) => describeCommand(builder, shown),
      handler: () => undefined,
    });
  }
  let text = "";
  // With a callback, yargs hands its output over instead of printing it
  await program.parseAsync(["--help"], {}, (_error, _argv, output) => {
    text = output;
  });
  return text;
}

function createProgram(command: Command | undefined, columns: number): Argv {
  return (
    yargs()
      .scriptName(command === undefined ? "mirror" : `mirror ${command.name}`)
      .usage(
        command === undefined
          ? "Usage: $0 <command>\n\nMoves container images and modules across an air gap."
          : `mirror ${formatUsage(command)}\n\n${command.describe}`,
      )
      // `--no-platform` and `--platform` are two flags
      .parserConfiguration({ "boolean-negation": false, "camel-case-expansion": false })
      .detectLocale(false)
      .exitProcess(false)
      .version(VERSION)
      .help("help")
      .alias("help", "h")
      .epilogue(EPILOGUE)
      .wrap(columns)
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
    // Not `array`: that would be said behind each flag
    ...(type === "boolean" ? { boolean: true } : { string: true, nargs: 1 }),
  };
}
