import { UsageError } from "../usage-error.ts";

/** One flag, as data: help, parsing, environment and configuration file are derived from it. */
export interface Flag {
  /** `list` flags can be repeated; all but `boolean` take a value. */
  readonly type: "boolean" | "string" | "list";
  readonly describe: string;
  readonly alias?: string | readonly string[];
  /** Heading in the help text. */
  readonly group?: string;
  readonly choices?: readonly string[];
  /** What the flag means without a value; a value then has to be attached: `--flag=value`. */
  readonly bare?: string;
  /** Variables that are asked after `MIRROR_<FLAG>`. */
  readonly env?: readonly string[];
}

export type FlagTable = Readonly<Record<string, Flag>>;
type FlagValue = string | boolean | readonly string[];

export type FlagValues<T extends FlagTable> = {
  readonly [K in keyof T]?: ValueOf<T[K]> | undefined;
};

type ValueOf<F extends Flag> = F["type"] extends "boolean"
  ? boolean
  : F["type"] extends "list"
    ? readonly string[]
    : string;

/** Where values come from; the first that has one wins, in this order. */
export interface FlagSources {
  readonly argv: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Command line, environment and configuration file → one value per flag; throws `UsageError`. */
export function resolveFlags<T extends FlagTable>(table: T, sources: FlagSources): FlagValues<T> {
  const values = Object.entries(table).flatMap(([name, flag]) => {
    const value = resolveFlag(name, flag, sources);
    if (value !== undefined) checkChoice(name, flag, value);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(values) as FlagValues<T>;
}

/** `include-module` → `MIRROR_INCLUDE_MODULE`. */
export function variableOf(name: string): string {
  return `MIRROR_${name.replaceAll("-", "_").toUpperCase()}`;
}

function resolveFlag(name: string, flag: Flag, sources: FlagSources): FlagValue | undefined {
  const given = sources.argv[name];
  if (given !== undefined) return fromDocument(`--${name}`, flag, given);
  for (const variable of [variableOf(name), ...(flag.env ?? [])]) {
    const text = sources.env[variable];
    if (text !== undefined && text !== "") return fromText(variable, flag, text);
  }
  const configured = sources.config[name];
  return configured === undefined
    ? undefined
    : fromDocument(`"${name}" in the configuration file`, flag, configured);
}

function fromText(variable: string, flag: Flag, text: string): FlagValue {
  if (flag.type === "string") {
    return flag.bare !== undefined && /^(?:1|true|yes|on)$/i.test(text) ? flag.bare : text;
  }
  // Commas and spaces belong to version constraints, so they cannot separate selectors
  if (flag.type === "list") return text.split(/[;\n]/).flatMap((part) => part.trim() || []);
  if (/^(?:1|true|yes|on)$/i.test(text)) return true;
  if (/^(?:0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`Cannot use ${variable}: "${text}" is neither true nor false`);
}

function fromDocument(where: string, flag: Flag, value: unknown): FlagValue {
  if (flag.type === "boolean") {
    if (typeof value === "boolean") return value;
    throw new UsageError(`Cannot use ${where}: it is not true or false, or given more than once`);
  }
  if (value === true && flag.bare !== undefined) return flag.bare;
  const list = (Array.isArray(value) ? value : [value]).map((item) => {
    if (typeof item === "string" || typeof item === "number") return String(item);
    throw new UsageError(`Cannot use ${where}: a text is expected`);
  });
  if (flag.type === "list") return list;
  const [only] = list;
  if (only === undefined || list.length > 1) {
    throw new UsageError(`Cannot use ${where}: it needs exactly one value, got ${list.length}`);
  }
  return only;
}

function checkChoice(name: string, { choices }: Flag, value: FlagValue): void {
  if (choices === undefined || choices.includes(String(value))) return;
  throw new UsageError(`Cannot use --${name}: "${value}" is not one of ${choices.join(", ")}`);
}
