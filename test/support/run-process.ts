import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { watchProgress } from "./progress.ts";

export interface ProcessOptions {
  readonly cwd?: string | undefined;
  /** The whole environment of the child; default: the one of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Written to stdin, which is closed then. */
  readonly input?: string | Buffer | undefined;
  /** Aborting kills the child; the result then has `signal: "SIGKILL"`. */
  readonly signal?: AbortSignal | undefined;
  /** Looks at the result before anybody else; what it throws is thrown in place of the result. */
  readonly inspect?: ((result: ProcessResult) => Promise<void>) | undefined;
}

export interface ProcessResult {
  /** Missing when a signal ended the process. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  /** What has been written so far. */
  readonly stdout: string;
  readonly stderr: string;
  readonly finished: Promise<ProcessResult>;
  /** Sends a signal to this process only; nothing happens once it has ended. */
  kill(signal?: NodeJS.Signals): void;
  /** The first match in stdout or stderr; rejects when the process ends without one. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Runs a command to its end; rejects only when it cannot be started, or hangs. A busy machine does not matter. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessResult> {
  const running = await startProcess(command, args, options);
  let isStuck = false;
  const stop = watchProgress({
    pid: running.pid,
    written: () => running.stdout.length + running.stderr.length,
    onStuck: () => {
      isStuck = true;
      running.kill("SIGKILL");
    },
  });
  try {
    const result = await running.finished;
    if (!isStuck) return result;
    throw new Error(`${command} ${args.join(" ")} did nothing for a minute: ${result.stderr}`);
  } finally {
    stop();
  }
}

export async function startProcess(
  command: string,
  args: readonly string[],
  { cwd, env, input, signal, inspect }: ProcessOptions = {},
): Promise<RunningProcess> {
  const child = spawn(command, args, {
    cwd,
    env: { ...(env ?? process.env) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  const watchers = new Set<() => unknown>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      for (const watcher of watchers) watcher();
    });
  }
  const finished = resultOf(child, output).then(async (result) => {
    await inspect?.(result);
    return result;
  });
  await Promise.race([once(child, "spawn"), finished]);
  const kill = (name?: NodeJS.Signals) => void child.kill(name);
  const abort = () => kill("SIGKILL");
  signal?.addEventListener("abort", abort, { once: true });
  const forget = () => signal?.removeEventListener("abort", abort);
  void finished.then(forget, forget);
  if (signal?.aborted) abort();
  // A process that ends without reading its input is not a failure of the test.
  child.stdin.on("error", () => undefined).end(input);
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    finished,
    kill,
    waitFor: (pattern) => waitForOutput(pattern, { output, watchers, finished }),
    async [Symbol.asyncDispose]() {
      kill("SIGKILL");
      await finished;
    },
  };
}

interface Output {
  stdout: string;
  stderr: string;
}

async function resultOf(child: ChildProcess, output: Output): Promise<ProcessResult> {
  const [exitCode, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { exitCode: exitCode ?? undefined, signal: signal ?? undefined, ...output };
}

async function waitForOutput(
  pattern: RegExp,
  {
    finished,
    output,
    watchers,
  }: {
    readonly finished: Promise<ProcessResult>;
    readonly output: Output;
    readonly watchers: Set<() => unknown>;
  },
): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const search = () => {
      const match = pattern.exec(output.stdout) ?? pattern.exec(output.stderr);
      if (match === null) return false;
      watchers.delete(search);
      resolve(match);
      return true;
    };
    if (search()) return;
    watchers.add(search);
    finished.then(
      ({ exitCode, signal, stderr }) => {
        watchers.delete(search);
        reject(new Error(`Process ended (${exitCode ?? signal}) before ${pattern}: ${stderr}`));
      },
      (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))),
    );
  });
}
