import type { PreviousBlob, PreviousContent } from "./previous-content.ts";
import type { BlobTask } from "./transfer-plan.ts";

export interface TakeOverOptions {
  /** Makes durable what was copied, and what the journal says of it. */
  readonly sync: () => Promise<void>;
  /** What an earlier bundle has of the blob, if it is of use. */
  readonly find: (task: BlobTask) => PreviousBlob | undefined;
  /** Copies it to its places. */
  readonly copy: (task: BlobTask, blob: PreviousBlob) => Promise<void>;
}

interface Wanted {
  readonly task: BlobTask;
  readonly blob: PreviousBlob;
}

/** Bytes that the disk holds twice at most, but for those of a larger blob. */
export const TAKE_OVER_STEP_BYTES: number = 32 * 1024 * 1024;

/**
 * Copies the blobs of an earlier bundle and gives back its room on the way, so that the disk never holds both: each
 * package from its last blob to its first, and what was copied is cut off when the copies are durable.
 */
export async function takeOver(
  content: PreviousContent,
  tasks: Iterable<BlobTask>,
  { sync, find, copy }: TakeOverOptions,
): Promise<void> {
  const wanted: Wanted[] = [];
  for (const task of tasks) {
    const blob = find(task);
    if (blob) wanted.push({ task, blob });
  }
  wanted.sort((left, right) => right.blob.offset - left.blob.offset);
  for (let index = 0; index < content.packages; index++) {
    const blobs = wanted.filter(({ blob }) => blob.package === index);
    const [last] = blobs;
    await content.release(index, last ? last.blob.offset + last.blob.available : 0);
    let copied = 0;
    for (const { task, blob } of blobs) {
      await copy(task, blob);
      copied += blob.available;
      if (copied < TAKE_OVER_STEP_BYTES && blob !== blobs.at(-1)?.blob) continue;
      await sync();
      await content.release(index, blob.offset);
      copied = 0;
    }
  }
  await content.remove();
}
