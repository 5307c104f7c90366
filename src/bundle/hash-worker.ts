import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { Streebog256 } from "../gost/streebog.ts";
import type { HashRequest, HashResponse } from "./file-hasher.ts";

const BUFFER_BYTES = 1024 * 1024;

const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
const running = new Map<number, RunningHash>();

interface RunningHash {
  readonly sha256: Hash;
  readonly streebog256?: Streebog256;
  position: number;
}

parentPort?.on("message", (request: HashRequest) => {
  parentPort?.postMessage(answer(request));
});

function answer({ id, path, end, isLast, gost }: HashRequest): HashResponse {
  try {
    const state = running.get(id) ?? createRunning(gost);
    running.set(id, state);
    readInto(state, path, end);
    if (!isLast) return { id };
    running.delete(id);
    const { sha256, streebog256 } = state;
    const gostHash = streebog256 ? { streebog256: streebog256.digest() } : {};
    return { id, hashes: { sha256: sha256.digest("hex"), ...gostHash } };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = error instanceof Error ? error.message : String(error);
    return { id, error: message, ...(code === undefined ? {} : { code }) };
  }
}

function createRunning(gost: boolean): RunningHash {
  const sha256 = createHash("sha256");
  return { sha256, position: 0, ...(gost ? { streebog256: new Streebog256() } : {}) };
}

function readInto(state: RunningHash, path: string, end: number): void {
  const file = openSync(path, "r");
  try {
    while (state.position < end) {
      const length = Math.min(buffer.length, end - state.position);
      const found = readSync(file, buffer, 0, length, state.position);
      if (found === 0) throw new Error(`"${path}" ends at byte ${state.position}`);
      const bytes = found === buffer.length ? buffer : buffer.subarray(0, found);
      state.sha256.update(bytes);
      state.streebog256?.update(bytes);
      state.position += found;
    }
  } finally {
    closeSync(file);
  }
}
