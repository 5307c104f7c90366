import { asksForDebug } from "./environment.ts";
import type { FlagTable, FlagValues } from "./flag.ts";

const PROGRESS_MODES = ["auto", "tty", "plain", "json", "none"] as const;

/** Flags of every command. */
export const REPORT_FLAGS = {
  json: { type: "boolean", describe: "Print the result as JSON", group: "Output:" },
  debug: {
    type: "boolean",
    describe: "Show stack traces and what happens at the registries",
    group: "Output:",
  },
  config: { type: "string", describe: "YAML or JSON file whose keys are flag names" },
} as const satisfies FlagTable;

/** Flags of the commands that show progress. */
export const OUTPUT_FLAGS = {
  progress: {
    type: "string",
    describe: "How progress is shown; json: events and result as lines on stdout (default: auto)",
    choices: PROGRESS_MODES,
    group: "Output:",
  },
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export type ProgressMode = Exclude<(typeof PROGRESS_MODES)[number], "auto">;

export interface OutputOptions {
  readonly progress: ProgressMode;
  /** `lines`: one compact line; `document`: for people and scripts to read. */
  readonly result: "text" | "document" | "lines";
  readonly debug: boolean;
}

/** What the output depends on beside the flags. */
export interface Surroundings {
  /** Where status goes. */
  readonly stderr: { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function toOutputOptions(
  flags: FlagValues<typeof OUTPUT_FLAGS>,
  { stderr, env }: Surroundings,
): OutputOptions {
  const debug = flags.debug ?? asksForDebug(env);
  const progress = toProgressMode(flags.progress ?? "auto", { stderr, env, debug });
  const result = progress === "json" ? "lines" : flags.json ? "document" : "text";
  return { progress, result, debug };
}

/** How a failure is told, for when the flags may not even have been understood. */
export function resultModeOf(
  words: readonly string[],
  env: Surroundings["env"],
): OutputOptions["result"] {
  const line = ` ${words.join(" ")} `;
  const progress = / --progress[ =](\S+) /.exec(line)?.[1] ?? env["MIRROR_PROGRESS"];
  if (progress === "json") return "lines";
  const isJson =
    / --json(?:=true)? /.test(line) || /^(?:1|true|yes|on)$/i.test(env["MIRROR_JSON"] ?? "");
  return isJson ? "document" : "text";
}

function toProgressMode(
  text: string,
  { stderr, env, debug }: Surroundings & { readonly debug: boolean },
): ProgressMode {
  const chosen = PROGRESS_MODES.find((mode) => mode === text);
  if (chosen !== undefined && chosen !== "auto") return chosen;
  // Bars and debug lines would overwrite each other
  return stderr.isTTY && !debug && env["TERM"] !== "dumb" && !env["CI"] ? "tty" : "plain";
}
