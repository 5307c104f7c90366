import type { ImageContents } from "../contents/contents.ts";
import type { MirrorError } from "../errors.ts";
import { type ExportPlan, withoutImages } from "./plan-export.ts";
import { readEntry } from "./read-entry.ts";
import { UnreadableContent } from "./single-failures.ts";

/** What was written, and the plan of it: without the images that could not be read. */
interface Written<Result> {
  /** Undefined if none is left. */
  readonly result: Result | undefined;
  readonly plan: ExportPlan;
}

/**
 * Writes an export. What is to be one stream cannot leave out what turns out to be unreadable in its middle: the rest is looked
 * through, and it is written again without the images that need what is damaged.
 */
export async function writeReadable<Result>(
  first: ExportPlan,
  write: (plan: ExportPlan) => Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Written<Result>> {
  let plan = first;
  for (;;) {
    try {
      return { result: await write(plan), plan };
    } catch (error) {
      if (!(error instanceof UnreadableContent)) throw error;
      plan = withoutImages(plan, await findUnreadable(plan, error, signal));
      if (plan.contents.length === 0) return { result: undefined, plan };
    }
  }
}

/** The images that need something that cannot be read; everything before the first of it was read. */
async function findUnreadable(
  plan: ExportPlan,
  first: UnreadableContent,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<ImageContents, Error>> {
  const unreadable = new Map<string, MirrorError>([[first.digest, first.cause]]);
  const digestOf = ({ content }: ExportPlan["entries"][number]) =>
    content.kind === "blob" ? content.digest : undefined;
  const at = plan.entries.findIndex((entry) => digestOf(entry) === first.digest);
  for (const entry of plan.entries.slice(at + 1)) {
    try {
      for await (const _ of readEntry(entry, plan, signal)) signal?.throwIfAborted();
    } catch (error) {
      if (!(error instanceof UnreadableContent)) throw error;
      unreadable.set(error.digest, error.cause);
    }
  }
  const reasons = new Map<ImageContents, Error>();
  for (const image of plan.contents) {
    const [reason] = [...image.documents, ...image.layers].flatMap(
      ({ digest }) => unreadable.get(digest) ?? [],
    );
    if (reason) reasons.set(image, reason);
  }
  return reasons;
}
