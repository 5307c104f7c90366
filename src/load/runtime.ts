import type { ImageContents } from "../contents/contents.ts";
import type { ExportForm } from "../export/export-options.ts";
import { openEmptyFile } from "../io/empty-file.ts";
import { hasErrorCode } from "../io/errors.ts";
import { type ProgramResult, type RunProgramOptions, runProgram } from "../io/run-program.ts";
import type { Digest } from "../oci/digest.ts";
import type { Platform } from "../oci/platform.ts";
import type { OperationOptions } from "../store/store.ts";
import { RuntimeRefusedError, RuntimeUnavailableError } from "./errors.ts";
import { formatRuntimeTarget, type RuntimeTarget } from "./runtime-target.ts";

/** A runtime that answers. */
export interface Runtime {
  /** What it reads. */
  readonly form: ExportForm;
  /** The one platform of an image that it takes; missing: all. */
  readonly platform?: Platform | undefined;
  /** What it will list the image with. */
  plannedOf(image: ImageContents): Digest;
  list(): Promise<Listing>;
  load(tar: AsyncIterable<Buffer>): Promise<void>;
}

/** What a runtime had when it was asked. */
export interface Listing {
  /** What it lists under the name of an image; undefined: nothing, or not all of it is there. */
  find(image: ImageContents): Digest | undefined;
}

export interface OpenRuntimeOptions extends OperationOptions {
  readonly env: NodeJS.ProcessEnv;
}

/** Runs the client of a runtime; what it refuses is told in its own words. */
export interface RuntimeClient {
  /** Rejects with `RUNTIME_UNAVAILABLE`. */
  ask(...args: readonly string[]): Promise<string>;
  /** Rejects with `RUNTIME_REFUSED`. */
  feed(tar: AsyncIterable<Buffer>, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<void>;
  /** With an empty file as its stdin, for what is held by nobody: whoever has to wait for it is ended. */
  tryEmpty(...args: readonly string[]): Promise<void>;
}

/** Longer than anything takes that waits for nobody. */
const TRY_MS = 10_000;

export function createClient(
  target: RuntimeTarget,
  program: { readonly name: string; readonly args: readonly string[] },
  { env, signal }: OpenRuntimeOptions,
): RuntimeClient {
  const shown = formatRuntimeTarget(target);
  const run = async (args: readonly string[], given: Partial<RunProgramOptions> = {}) => {
    try {
      const options = { env, signal, ...given };
      return await runProgram(program.name, [...program.args, ...args], options);
    } catch (error) {
      if (!hasErrorCode(error, "ENOENT")) throw error;
      throw new RuntimeUnavailableError(shown, `the program "${program.name}" is not installed`, {
        hint: `Install ${program.name}, or put its directory into PATH`,
        cause: error,
      });
    }
  };
  return {
    async ask(...args) {
      const result = await run(args);
      if (result.status === 0) return result.stdout;
      throw new RuntimeUnavailableError(shown, complaintOf(program.name, result), {
        hint: `Look whether "${[program.name, ...program.args, ...args].join(" ")}" works, and who may run it`,
      });
    },
    async feed(tar, args, more) {
      const result = await run(args, { input: tar, env: { ...env, ...more } });
      if (result.status === 0) return;
      throw new RuntimeRefusedError(shown, complaintOf(program.name, result), {
        hint: "Remove the cause and run the same command again: what is there is not sent again",
      });
    },
    async tryEmpty(...args) {
      await using stdin = await openEmptyFile();
      const patience = AbortSignal.timeout(TRY_MS);
      const signals = signal === undefined ? [patience] : [signal, patience];
      try {
        // What it does not end, an import will complain of
        await run(args, { stdin, signal: AbortSignal.any(signals) });
      } catch (error) {
        if (error !== patience.reason) throw error;
      }
    },
  };
}

/** The last line that says something. */
function complaintOf(program: string, { status, stdout, stderr }: ProgramResult): string {
  const lines = `${stdout}\n${stderr}`.split("\n").map((line) => line.trim());
  const last = lines.filter((line) => line !== "").at(-1);
  return last ?? `${program} ended with status ${status}`;
}
