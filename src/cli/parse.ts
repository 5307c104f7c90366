import { nearestNames, VERSION } from "../index.ts";
import type { Command } from "./command.ts";
import { usageOf } from "./command-usage.ts";
import { readWords } from "./read-words.ts";
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

/** Words → command; throws `UsageError`. Nothing is run or printed. */
export async function parseCommandLine(
  typed: readonly string[],
  options: ParseOptions,
): Promise<Parsed> {
  const words = usualWords(typed);
  const command = knownCommand(words, options.commands);
  if (command === undefined) return await parseWithoutCommand(words, options);
  const argv = readWords(words.slice(1), command);
  if (argv["help"] === true) return await parseHelp(command, options);
  if (argv["version"] === true) return toText(VERSION);
  refuseMissing(command, argv);
  return { kind: "command", command, argv };
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

/** `mirror --version`; everything else asks for help, `mirror --help push` for that of a command. */
async function parseWithoutCommand(
  words: readonly string[],
  options: ParseOptions,
): Promise<Parsed> {
  const asksForHelp = words.includes("--help") || words.includes("-h");
  if (words[0] === "--version" && !asksForHelp) return toText(VERSION);
  const command = options.commands.find(({ name }) => words.includes(name));
  return await parseHelp(command, options);
}

async function parseHelp(command: Command | undefined, options: ParseOptions): Promise<Parsed> {
  // Half of what the command line would load, and few want it
  const { renderHelp } = await import("./render-help.ts");
  return toText(await renderHelp(command, options));
}

function toText(text: string): Parsed {
  return { kind: "text", text: `${text}\n` };
}

function refuseMissing(command: Command, argv: Readonly<Record<string, unknown>>): void {
  const missing = command.positionals.find(
    ({ name, default: fallback, isOptional }) =>
      fallback === undefined && !isOptional && argv[name] === undefined,
  );
  if (missing === undefined) return;
  const { program, usage } = usageOf(command);
  throw new UsageError(`Argument missing: ${usage}`, {
    hint: `Run "${program} --help" to see what is possible`,
  });
}
