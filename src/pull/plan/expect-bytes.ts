import type { ImageContents } from "../../contents/contents.ts";
import { busyThreadsOf, type PullOptions } from "../pull-options.ts";

/**
 * Tells sources what there will be to move while the rest is still asked for: what that takes is there when the plan is. A
 * layer counts for every image that has it: to prepare for too much costs little.
 */
export function expectBytes(
  options: Pick<PullOptions, "openSource" | "checksums">,
): (image: ImageContents) => void {
  const busyThreads = busyThreadsOf(options);
  let runBytes = 0;
  return ({ layers, made = [], origin }) => {
    if (made.length > 0) return;
    for (const { size } of layers) runBytes += size;
    options.openSource(origin).prepare?.({ runBytes, busyThreads });
  };
}
