import { checkOptions } from "../check-options.ts";
import type { PullOptions } from "./pull-options.ts";

/** For both: nothing may be asked for before an option that is none. */
export function checkPullOptions(options: PullOptions): void {
  checkOptions(options, {
    bundlePath: "text",
    selection: "object",
    openSource: "function",
    chunkSizeBytes: "count?",
    cacheDirectory: "text?",
    cacheLimitBytes: "count?",
    concurrency: "count?",
    force: "switch?",
    gostDigest: "switch?",
    resume: "switch?",
    onEvent: "function?",
    signal: "signal?",
  });
}
