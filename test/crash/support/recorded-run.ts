import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runMirror } from "../../support/cli.ts";
import type { ProcessResult } from "../../support/run-process.ts";

/** A directory as it was after one step of a run. */
export interface RecordedStep {
  /** Name of the copy. */
  readonly name: string;
  /** What was done: `rename images.tar`, `append .mirror/journal`. */
  readonly label: string;
  /** Files with bytes that were not durable then. */
  readonly unsynced: readonly string[];
}

export interface RecordedRun {
  readonly result: ProcessResult;
  readonly steps: readonly RecordedStep[];
  /** Makes `bundlePath` what a SIGKILL after the step would have left. */
  restore(step: RecordedStep, bundlePath: string): Promise<void>;
}

export interface RecordOptions {
  /** The directory that is watched. */
  readonly bundlePath: string;
  /** A directory for the copies; created. */
  readonly into: string;
}

/** Runs the built program and keeps a copy of the bundle's directory after every step that changes it. */
export async function recordMirror(
  args: readonly string[],
  { bundlePath, into }: RecordOptions,
): Promise<RecordedRun> {
  const result = await runMirror(args, { env: recordingOf(bundlePath, { into }) });
  const steps = await readSteps(into);
  return {
    result,
    steps,
    async restore({ name }, path) {
      await rm(path, { recursive: true, force: true });
      await cp(join(into, name), path, { recursive: true });
    },
  };
}

export interface RecordingOptions {
  /** A directory for the copies; created. */
  readonly into: string;
  /** Number of the step behind which the process kills itself. */
  readonly killAt?: number | undefined;
}

/** Variables of a Node.js process that keeps a copy of a directory after every step that changes it. */
export function recordingOf(
  directory: string,
  { into, killAt }: RecordingOptions,
): Readonly<Record<string, string>> {
  return {
    NODE_OPTIONS: `--import ${PRELOAD}`,
    RECORD_ROOT: directory,
    RECORD_TO: into,
    ...(killAt === undefined ? {} : { RECORD_KILL: String(killAt) }),
  };
}

/** The steps that a recorded process has done. */
export async function readSteps(into: string): Promise<readonly RecordedStep[]> {
  const lines = await readFile(join(into, "steps.jsonl"), "utf8");
  return lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as RecordedStep);
}

const PRELOAD = fileURLToPath(new URL("../../support/record-steps.mjs", import.meta.url));
