import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, readSync } from "node:fs";
import { Streebog256 } from "../gost/streebog.ts";
import { openFileSync } from "../io/open-file.ts";
import { serveRequests } from "../io/serve-requests.ts";
import type { FileHashes, HashRequest } from "./file-hasher.ts";

const BUFFER_BYTES = 1024 * 1024;

const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
const running = new Map<number, RunningHash>();

interface RunningHash {
  sha256: Hash;
  readonly streebog256?: Streebog256;
  position: number;
  /** As it was before the bytes that may turn out to be wrong. */
  firm?: { readonly sha256: Hash; readonly position: number } | undefined;
}

serveRequests<HashRequest, FileHashes | undefined>((request) => {
  const { id, path, end, isLast, gost } = request;
  const state = running.get(id) ?? createRunning(gost);
  running.set(id, state);
  keepFirm(state, request);
  readInto(state, path, end);
  if (!isLast) return undefined;
  running.delete(id);
  const { sha256, streebog256 } = state;
  const gostHash = streebog256 ? { streebog256: streebog256.digest() } : {};
  return { sha256: sha256.digest("hex"), ...gostHash };
});

function createRunning(gost: boolean): RunningHash {
  const sha256 = createHash("sha256");
  return { sha256, position: 0, ...(gost ? { streebog256: new Streebog256() } : {}) };
}

/** Brings the hash to the last byte that is certain, where it has not come further, and keeps it as it is there. */
function keepFirm(state: RunningHash, { path, end, firmEnd, isAgain }: HashRequest): void {
  if (isAgain && state.firm && state.firm.position < state.position) {
    Object.assign(state, state.firm);
    state.firm = undefined;
  }
  if (firmEnd < state.position) return;
  readInto(state, path, firmEnd);
  const { sha256, position } = state;
  state.firm = end > firmEnd ? { sha256: sha256.copy(), position } : undefined;
}

function readInto(state: RunningHash, path: string, end: number): void {
  const file = openFileSync(path, constants.O_RDONLY);
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
