import { OptionInvalidError } from "./errors.ts";

const KINDS = {
  text: { isMet: (value: unknown) => typeof value === "string", what: "a text" },
  texts: {
    isMet: (value: unknown) =>
      Array.isArray(value) && value.every((item) => typeof item === "string"),
    what: "a list of texts",
  },
  switch: { isMet: (value: unknown) => typeof value === "boolean", what: "true or false" },
  count: {
    isMet: (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1,
    what: "a whole number above 0",
  },
  amount: {
    isMet: (value: unknown) => Number.isFinite(value) && Number(value) >= 0,
    what: "a number that is not below 0",
  },
  function: { isMet: (value: unknown) => typeof value === "function", what: "a function" },
  object: {
    isMet: (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value),
    what: "an object",
  },
  signal: { isMet: (value: unknown) => value instanceof AbortSignal, what: "an AbortSignal" },
} as const;

type Kind = keyof typeof KINDS;

/** What each option has to be; with a question mark it can be left out. */
export type OptionKinds<Options> = Readonly<
  Partial<Record<Extract<keyof Options, string>, Kind | `${Kind}?`>>
>;

/**
 * Refuses options of the wrong type with `OPTION_INVALID`, for callers without TypeScript: what is passed on would fail later
 * and say nothing, or be taken for something else.
 */
export function checkOptions<Options extends object>(
  options: Options,
  kinds: OptionKinds<Options>,
): void {
  if (!KINDS.object.isMet(options)) {
    throw new OptionInvalidError("options", `${KINDS.object.what} is expected`);
  }
  const values = options as Readonly<Record<string, unknown>>;
  for (const [name, kind] of Object.entries<Kind | `${Kind}?`>(kinds as Record<string, Kind>)) {
    const value = values[name];
    if (value === undefined && kind.endsWith("?")) continue;
    const { isMet, what } = KINDS[kind.replace("?", "") as Kind];
    if (value === undefined)
      throw new OptionInvalidError(name, `it is missing: ${what} is expected`);
    if (!isMet(value)) throw new OptionInvalidError(name, `${what} is expected`);
  }
}

/** Refuses names that are no options: what was meant would be lost in silence. */
export function checkOptionNames(options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new OptionInvalidError(unknown, "there is no such option", {
    hint: `Options are ${known.join(", ")}`,
  });
}
