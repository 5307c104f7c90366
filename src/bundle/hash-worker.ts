import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { HashRequest, HashResponse } from "./file-hasher.ts";

const BUFFER_BYTES = 1024 * 1024;

const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
const running = new Map<number, { readonly hash: Hash; position: number }>();

parentPort?.on("message", (request: HashRequest) => {
  parentPort?.postMessage(answer(request));
});

function answer({ id, path, end, isLast }: HashRequest): HashResponse {
  try {
    const state = running.get(id) ?? { hash: createHash("sha256"), position: 0 };
    running.set(id, state);
    readInto(state, path, end);
    if (!isLast) return { id };
    running.delete(id);
    return { id, sha256: state.hash.digest("hex") };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

function readInto(
  state: { readonly hash: Hash; position: number },
  path: string,
  end: number,
): void {
  const file = openSync(path, "r");
  try {
    while (state.position < end) {
      const length = Math.min(buffer.length, end - state.position);
      const found = readSync(file, buffer, 0, length, state.position);
      if (found === 0) throw new Error(`"${path}" ends at byte ${state.position}`);
      state.hash.update(found === buffer.length ? buffer : buffer.subarray(0, found));
      state.position += found;
    }
  } finally {
    closeSync(file);
  }
}
