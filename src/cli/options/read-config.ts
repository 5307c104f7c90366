import { readNamedText } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import { parseConfig } from "./parse-config.ts";

/** Reads a JSON object whose keys are flag names: `{ "source": "registry.example.com/acme", "include-module": ["foo"] }`. */
export async function readConfig(
  path: string,
  knownFlags: ReadonlySet<string>,
): Promise<Readonly<Record<string, unknown>>> {
  return parseConfig(await readText(path), { path, knownFlags });
}

async function readText(path: string): Promise<string> {
  try {
    return await readNamedText(path);
  } catch (cause) {
    throw new UsageError(`Cannot read configuration file "${path}"`, { cause });
  }
}
