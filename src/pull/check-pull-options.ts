import { checkOptions } from "../check-options.ts";
import { OptionInvalidError } from "../errors.ts";
import { toLock } from "../lock/parse-lock.ts";
import { option } from "../option.ts";
import type { PullOptions } from "./pull-options.ts";

/** For both: nothing may be asked for before an option that is none. */
export function checkPullOptions(options: PullOptions): void {
  checkOptions(options, {
    bundlePath: "text",
    selection: "object?",
    lock: "object?",
    openSource: "function",
    web: "object?",
    chunkSizeBytes: "count?",
    cacheDirectory: "text?",
    cacheLimitBytes: "count?",
    concurrency: "count?",
    force: "switch?",
    gostDigest: "switch?",
    checksums: "switch?",
    resume: "switch?",
    onEvent: "function?",
    signal: "signal?",
  });
  const { selection, lock, gostDigest, checksums } = options;
  if (gostDigest && checksums === false) {
    const reason = `it comes with the other sums of files, which ${option("checksums")} leaves out`;
    throw new OptionInvalidError("gostDigest", reason);
  }
  if (lock !== undefined) toLock(lock, option("lock"));
  if ((selection === undefined) === (lock === undefined)) {
    const reason = lock ? `${option("lock")} has one of its own` : "it is missing";
    throw new OptionInvalidError("selection", `${reason}: give a selection or a lock`);
  }
}
