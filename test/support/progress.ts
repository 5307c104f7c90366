import { readdirSync, readFileSync } from "node:fs";

/** How long a process may use no processor and write nothing, however slow the machine is. */
const IDLE_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 2_000;

/** Tells a process that hangs from one that is slow: `note` is true when nothing has changed for the limit. */
export function createProgress(limitMs: number): {
  readonly note: (state: string, now: number) => boolean;
} {
  let last = { state: "", since: 0 };
  return {
    note(state, now) {
      if (state !== last.state) last = { state, since: now };
      return now - last.since >= limitMs;
    },
  };
}

export interface WatchedProcess {
  readonly pid: number;
  /** Characters written so far. */
  readonly written: () => number;
  readonly onStuck: () => void;
}

/** Looks after a process until the returned function is called. */
export function watchProgress({ pid, written, onStuck }: WatchedProcess): () => void {
  const progress = createProgress(IDLE_LIMIT_MS);
  const timer = setInterval(() => {
    if (progress.note(`${ticksOf(pid)} ${written()}`, performance.now())) onStuck();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Processor time of a process and all below it; 0 where there is no `/proc`. */
function ticksOf(pid: number): number {
  try {
    // Behind the name, which may have spaces: state, …, utime and stime as the 12th and 13th
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    const children = readdirSync(`/proc/${pid}/task`)
      .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8"))
      .flatMap((list) => list.split(" ").filter((child) => child !== ""));
    const own = Number(fields[11]) + Number(fields[12]);
    return children.reduce((sum, child) => sum + ticksOf(Number(child)), own);
  } catch {
    // It has just ended
    return 0;
  }
}
