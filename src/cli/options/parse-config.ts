import { formatJsonError } from "../../index.ts";
import { UsageError } from "../usage-error.ts";

/** A key that no command knows is refused: a misspelled key would be a silent loss. */
export function parseConfig(
  text: string,
  { path, knownFlags }: { readonly path: string; readonly knownFlags: ReadonlySet<string> },
): Readonly<Record<string, unknown>> {
  const value = parseJson(text, path);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`Cannot use configuration file "${path}": it is not a JSON object`);
  }
  const unknown = Object.keys(value).filter((key) => !knownFlags.has(key));
  if (unknown.length > 0) {
    throw new UsageError(
      `Cannot use configuration file "${path}": unknown ${unknown.length > 1 ? "keys" : "key"} ${unknown.map((key) => `"${key}"`).join(", ")}`,
      { hint: 'Keys are flag names without dashes in front, for example "include-module"' },
    );
  }
  return value as Readonly<Record<string, unknown>>;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // not chained: the text of a JSON error quotes the file, which may hold a password
    const place = formatJsonError(text);
    throw new UsageError(`Cannot use configuration file "${path}": it is not JSON${place}`);
  }
}
