import type { Readable, Writable } from "node:stream";
import type { Notice } from "../index.ts";
import type { FlagTable, FlagValues } from "./options/flag.ts";
import type { FlagWords } from "./output/flag-words.ts";
import type { Suspension } from "./suspension.ts";

/** What the program may touch of the process around it. */
export interface ProcessContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Results. */
  readonly stdout: Writable;
  /** Everything else. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly signal: AbortSignal;
  /** Calls the listener at each SIGHUP. */
  readonly onHangup?: ((listener: () => void) => void) | undefined;
  readonly suspension?: Suspension | undefined;
}

/** What a command works with. */
export interface CliContext extends ProcessContext {
  /** Texts of the library, in the words of this command. */
  readonly inFlags: FlagWords;
  /** What was told before the command began; belongs into its report. */
  readonly notices: readonly Notice[];
}

interface Positional {
  readonly name: string;
  readonly describe: string;
  /** Makes the argument optional. */
  readonly default?: string;
  /** The last one may be given any number of times: its values are in `rest`. */
  readonly isList?: true;
  /** The list may be empty. */
  readonly isOptional?: true;
}

/** What a command does. Returns the exit status; rejects when the work could not be carried out. */
export type Action<T extends FlagTable = FlagTable> = (
  args: CommandArguments<T>,
  context: CliContext,
) => Promise<number>;

/** One command: a description of its arguments, and where to find what it does with them. */
export interface Command<T extends FlagTable = FlagTable> {
  readonly name: string;
  readonly describe: string;
  readonly positionals: readonly Positional[];
  readonly flags: T;
  /** What helps who gives arguments too many: a flag that they are likely meant for. */
  readonly surplusHint?: string;
  /** One line each, shown by `--help`. */
  readonly examples: readonly string[];
  /** It can do its work for every bundle of a configuration file. */
  readonly runsBundles?: true;
  /** What an interrupted user should do. */
  readonly resumeHint: string;
  /** Only the program that was asked for is loaded: start-up would be half of a small pull. */
  load(): Promise<Action<T>>;
}

export interface CommandArguments<T extends FlagTable> {
  readonly flags: FlagValues<T>;
  readonly positionals: Readonly<Record<string, string>>;
  /** All values of a positional that is a list. */
  readonly rest: readonly string[];
}
