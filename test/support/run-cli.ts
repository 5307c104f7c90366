import { PassThrough, Readable } from "node:stream";
import { COMMANDS } from "../../src/cli/commands/list.ts";
import { runCli } from "../../src/cli/run.ts";
import { refuseSecrets } from "./secrets.ts";
import { textOf } from "./text-of.ts";

export interface RunCliOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command line in this process, without the cost of a new one. Rejects if a secret gets out. */
export async function runInProcess(
  words: readonly string[],
  { env = {}, input = "", signal = new AbortController().signal }: RunCliOptions = {},
): Promise<CliResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin = Readable.from(input === "" ? [] : [Buffer.from(input)]);
  const status = await runCli(words, { env, stdin, stdout, stderr, signal });
  const result = { status, stdout: textOf(stdout), stderr: textOf(stderr) };
  refuseSecrets(result.stdout + result.stderr, `output of mirror ${words[0]}`);
  refuseForeignWords(words[0] ?? "", result);
  return result;
}

/** What a command advises can be done with this command, and in its own words. */
function refuseForeignWords(name: string, { stdout, stderr }: CliResult): void {
  const [option] = /`[a-z]+[A-Z][A-Za-z]*`/.exec(stdout + stderr) ?? [];
  if (option !== undefined) throw new Error(`mirror ${name} speaks of the option ${option}`);
  const flags = COMMANDS.find((command) => command.name === name)?.flags;
  if (flags === undefined) return;
  for (const hint of (stdout + stderr).match(/^\s*hint: .*$/gm) ?? []) {
    for (const [, flag = ""] of hint.matchAll(/(?:^|[ "])--([a-z-]+)(?![a-z-]| \(mirror)/g)) {
      if (flag in flags || flag === "help") continue;
      throw new Error(`mirror ${name} has no --${flag}, and advises it: ${hint}`);
    }
  }
}
