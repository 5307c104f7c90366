import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { keepBeforeSettingsChange } from "./compile-cache.ts";

/** Runs that end sooner leave no garbage that would matter, and looking for it would be a fifth of their work. */
const BOUND_AFTER_MS = 500;

/**
 * WebAssembly stays as it was first compiled: the parser of HTTP is one large function, and optimizing it takes a fifth of a
 * second of a processor and 30 MB, which no run saves again, and which a process waits for before it can end. Whose modules work
 * for long turns it on again (`compileModule`).
 */
const PLAIN_WASM = ["--no-wasm-dynamic-tiering", "--no-wasm-tier-up"];

/** Settings of V8 that fit a program which often ends soon and sometimes runs for days. */
export function tuneEngine(): void {
  for (const flag of PLAIN_WASM) setFlagsFromString(flag);
  setTimeout(boundHeap, BOUND_AFTER_MS).unref();
}

/**
 * Keeps memory flat over any number of blobs. V8 lets the heap of a new process grow by more than a hundred megabytes
 * of garbage before it looks at it as a whole; one early collection makes it start from what is really in use.
 */
function boundHeap(): void {
  keepBeforeSettingsChange();
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  collect();
}
