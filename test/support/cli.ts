import { fileURLToPath } from "node:url";
import {
  type ProcessResult,
  type RunningProcess,
  runProcess,
  startProcess,
} from "./run-process.ts";

export interface MirrorOptions {
  readonly cwd?: string | undefined;
  /** Added to an environment without credentials, proxies and settings of this machine. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Runs the built program to its end: `npm run build` has to come first. */
export function runMirror(
  args: readonly string[],
  options: MirrorOptions = {},
): Promise<ProcessResult> {
  return runProcess(process.execPath, [MAIN, ...args], withEnvironment(options));
}

/** Starts the built program, for tests that interrupt it. */
export function startMirror(
  args: readonly string[],
  options: MirrorOptions = {},
): Promise<RunningProcess> {
  return startProcess(process.execPath, [MAIN, ...args], withEnvironment(options));
}

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

function withEnvironment({ env, ...options }: MirrorOptions) {
  const { PATH, TMPDIR } = process.env;
  const nowhere = "/nonexistent";
  return { ...options, env: { PATH, TMPDIR, HOME: nowhere, DOCKER_CONFIG: nowhere, ...env } };
}
