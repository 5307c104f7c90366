import { readNamedText } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import { type Config, type ParseConfigOptions, parseConfig } from "./parse-config.ts";

/** Reads a file whose keys are flag names, in YAML or JSON (docs/config.md). */
export async function readConfig(options: ParseConfigOptions): Promise<Config> {
  return await parseConfig(await readText(options.path), options);
}

async function readText(path: string): Promise<string> {
  try {
    return await readNamedText(path);
  } catch (cause) {
    throw new UsageError(`Cannot read configuration file "${path}"`, { cause });
  }
}
