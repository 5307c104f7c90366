import { nearestNames } from "../index.ts";
import type { Command } from "./command.ts";
import { type CommandUsage, usageOf } from "./command-usage.ts";
import type { Flag } from "./options/flag.ts";
import { UsageError } from "./usage-error.ts";

interface KnownFlag {
  readonly name: string;
  readonly type: Flag["type"];
  readonly bare: string | undefined;
}

type WordsOf = Pick<Command, "name" | "flags" | "positionals" | "surplusHint">;

/** By the full name of a flag or an argument. What was typed more than once, or may be, is a list. */
type Typed = Readonly<Record<string, TypedValue | readonly TypedValue[]>>;

type TypedValue = string | boolean;

/**
 * The words behind a command. Throws `UsageError` for flags that the command does not have, values that are missing or
 * not understood, and arguments too many, which are not repeated: they may be a secret.
 */
export function readWords(words: readonly string[], command: WordsOf): Typed {
  const usage = usageOf(command);
  const known = knownFlags(command.flags);
  const rest = [...words];
  const flags = new Map<string, TypedValue[]>();
  const others: string[] = [];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") others.push(...rest.splice(0));
    else if (isFlag(word)) {
      const { name, value } = readFlag(word, { rest, known, usage });
      const before = flags.get(name);
      if (before === undefined) flags.set(name, [value]);
      else before.push(value);
    } else others.push(word);
  }
  const given = [...flags].map(([name, all]) => [name, all.length > 1 ? all : all[0]]);
  return { ...Object.fromEntries(given), ...namePositionals(others, command, usage) };
}

function namePositionals(
  words: readonly string[],
  { positionals, surplusHint }: WordsOf,
  { usage }: CommandUsage,
): Typed {
  const isList = positionals.at(-1)?.isList === true;
  if (!isList && words.length > positionals.length) {
    throw new UsageError(
      `Argument ${positionals.length + 1} is one too many (it is not repeated here): ${usage}`,
      {
        hint:
          surplusHint ??
          "Put values with spaces into quotes, and passwords into variables or stdin",
      },
    );
  }
  const named = positionals.flatMap(({ name, isList }, index) => {
    const value = isList ? words.slice(index) : words[index];
    return value === undefined || (value.length === 0 && isList) ? [] : [[name, value]];
  });
  return Object.fromEntries(named);
}

interface FlagContext {
  /** The words that follow; a value is taken from it. */
  readonly rest: string[];
  readonly known: ReadonlyMap<string, KnownFlag>;
  readonly usage: CommandUsage;
}

function readFlag(
  word: string,
  { rest, known, usage }: FlagContext,
): { readonly name: string; readonly value: TypedValue } {
  const { typed, attached } = splitFlag(word);
  const flag = known.get(typed);
  const isSingleDashed = !word.startsWith("--") && known.has(`-${word.replace(/=.*$/s, "")}`);
  if (flag === undefined || isSingleDashed) {
    throw unknownFlag(isSingleDashed ? word.replace(/=.*$/s, "") : typed, known, usage);
  }
  const { name, bare, type } = flag;
  if (type === "boolean") return { name, value: readSwitch(typed, attached, rest) };
  if (bare !== undefined) return { name, value: attached ?? bare };
  const value = attached ?? (isFlag(rest[0] ?? "--") ? undefined : rest.shift());
  if (value !== undefined) return { name, value };
  throw new UsageError(`Cannot use ${typed}: its value is missing`, {
    hint: `Write --${name}=VALUE if the value starts with a dash`,
  });
}

function readSwitch(typed: string, attached: string | undefined, rest: string[]): boolean {
  const isNext = attached === undefined && /^(?:true|false)$/.test(rest[0] ?? "");
  const value = attached ?? (isNext ? rest.shift() : "true") ?? "true";
  if (value === "true" || value === "false") return value === "true";
  throw new UsageError(`Cannot use ${typed}: its value is neither true nor false`, {
    hint: `Write ${typed} alone to switch it on`,
  });
}

/** `--name=value` or `-nvalue`; the name with its dashes, as it was typed. */
function splitFlag(word: string): { readonly typed: string; readonly attached?: string } {
  const [, typed = word, attached] = word.startsWith("--")
    ? (/^(--[^=]*)(?:=(.*))?$/s.exec(word) ?? [])
    : (/^(-.)(?:=?(.+))?$/su.exec(word) ?? []);
  return attached === undefined ? { typed } : { typed, attached };
}

function isFlag(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

function unknownFlag(typed: string, known: FlagContext["known"], usage: CommandUsage): UsageError {
  const names = [...known.keys()].filter((name) => name.startsWith("--"));
  const bare = typed.replace(/^-+/, "");
  const near =
    bare.length < 2
      ? []
      : nearestNames(
          bare,
          names.map((name) => name.slice(2)),
        );
  const hint =
    near.length > 0
      ? `Did you mean ${near.map((name) => `--${name}`).join(", ")}?`
      : `Run "${usage.program} --help" to see what is possible`;
  return new UsageError(`Cannot use ${typed}: "${usage.program}" has no such flag`, { hint });
}

/** `--include-module` and `-i` → the flag that they are. */
function knownFlags(flags: Command["flags"]): ReadonlyMap<string, KnownFlag> {
  const known = new Map<string, KnownFlag>();
  const own = { help: { type: "boolean", alias: "h" }, version: { type: "boolean" } } as const;
  for (const [name, flag] of Object.entries<Pick<Flag, "type" | "alias" | "bare">>({
    ...own,
    ...flags,
  })) {
    for (const one of [name, ...[flag.alias ?? []].flat()]) {
      known.set(one.length === 1 ? `-${one}` : `--${one}`, {
        name,
        type: flag.type,
        bare: flag.bare,
      });
    }
  }
  return known;
}
