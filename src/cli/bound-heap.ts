import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Keeps memory flat over any number of blobs. V8 lets the heap of a new process grow by more than a hundred megabytes
 * of garbage before it looks at it as a whole; one early collection makes it start from what is really in use.
 */
export function boundHeap(): void {
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  collect();
}
