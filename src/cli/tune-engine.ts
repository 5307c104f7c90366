import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Runs that end sooner leave no garbage that would matter, and looking for it would be a fifth of their work. */
const BOUND_AFTER_MS = 500;

/**
 * What WebAssembly may run before it is compiled with optimizations. The parser of HTTP is reached by a dozen answers
 * at the usual budget, and takes longer to be optimized than ten thousand answers take to be read without.
 */
const WASM_BUDGET = 100_000_000;

/** Settings of V8 that fit a program which often ends soon and sometimes runs for days. */
export function tuneEngine(): void {
  setFlagsFromString(`--wasm-tiering-budget=${WASM_BUDGET}`);
  setTimeout(boundHeap, BOUND_AFTER_MS).unref();
}

/**
 * Keeps memory flat over any number of blobs. V8 lets the heap of a new process grow by more than a hundred megabytes
 * of garbage before it looks at it as a whole; one early collection makes it start from what is really in use.
 */
function boundHeap(): void {
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  collect();
}
