import { type ChildProcessByStdio, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface RunProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Streamed into stdin; if it fails, the program is ended, and this rejects with the failure. */
  readonly input?: AsyncIterable<Buffer> | undefined;
  /** In place of an input: what stdin is. */
  readonly stdin?: FileHandle | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ProgramResult {
  /** Null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  /** The end of it. */
  readonly stderr: string;
}

const STDOUT_LIMIT_BYTES = 256 * 1024 * 1024;
const STDERR_LIMIT_BYTES = 64 * 1024;

/** Runs a program to its end, without a shell. Rejects with `ENOENT` if it is not there. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env, input, stdin, signal }: RunProgramOptions,
): Promise<ProgramResult> {
  signal?.throwIfAborted();
  const stdio: StdioOptions = [stdin?.fd ?? "pipe", "pipe", "pipe"];
  const child = spawn(program, args, { env, stdio }) as ChildProcessByStdio<
    Writable | null,
    Readable,
    Readable
  >;
  const closed = once(child, "close");
  // Looked at below, and no failure of its own before
  closed.catch(() => undefined);
  const stop = () => void child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  const texts = Promise.all([
    collect(child.stdout, STDOUT_LIMIT_BYTES),
    collect(child.stderr, STDERR_LIMIT_BYTES),
  ]);
  try {
    const fed = await feed(child.stdin, input);
    if (fed !== undefined) stop();
    const [status] = (await closed) as [number | null];
    signal?.throwIfAborted();
    if (fed !== undefined) throw fed;
    const [stdout, stderr] = await texts;
    return { status, stdout, stderr };
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** The failure of the input; a program that ends without reading all of it tells why by its status. */
async function feed(
  stdin: Writable | null,
  input: AsyncIterable<Buffer> | undefined,
): Promise<unknown> {
  if (stdin === null) return undefined;
  if (input === undefined) {
    stdin.on("error", () => undefined).end();
    return undefined;
  }
  let failure: unknown;
  async function* watched() {
    try {
      for await (const chunk of input ?? []) yield chunk;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  await pipeline(Readable.from(watched(), { objectMode: false }), stdin).catch(() => undefined);
  return failure;
}

async function collect(stream: Readable, limit: number): Promise<string> {
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > 2 * limit) {
      chunks = [Buffer.concat(chunks).subarray(-limit)];
      size = limit;
    }
  }
  return Buffer.concat(chunks).subarray(-limit).toString();
}
