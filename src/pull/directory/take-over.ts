import type { PreviousBlob } from "./previous-blobs.ts";
import type { PreviousContent } from "./previous-content.ts";
import type { BlobTask, BundleWork } from "./transfer-plan.ts";

export interface TakeOverOptions {
  /** Makes durable what was copied, and what the journal says of it. */
  readonly sync: () => Promise<void>;
  /** What an earlier bundle has of the blob, if it is of use. */
  readonly find: (task: BlobTask) => PreviousBlob | undefined;
  /** Copies it to its places. */
  readonly copy: (task: BlobTask, blob: PreviousBlob) => Promise<void>;
}

/** What is wanted of one package: positions of tasks, and where their blobs are. */
interface Wanted {
  readonly tasks: number[];
  readonly offsets: number[];
}

/** Bytes that the disk holds twice at most, but for those of a larger blob. */
export const TAKE_OVER_STEP_BYTES: number = 32 * 1024 * 1024;

/**
 * Copies the blobs of an earlier bundle and gives back its room on the way, so that the disk never holds both: each
 * package from its last blob to its first, and what was copied is cut off when the copies are durable.
 */
export async function takeOver(
  content: PreviousContent,
  tasks: BundleWork["tasks"],
  { sync, find, copy }: TakeOverOptions,
): Promise<void> {
  const wanted = Array.from(
    { length: content.packages },
    (): Wanted => ({ tasks: [], offsets: [] }),
  );
  let position = 0;
  for (const task of tasks) {
    const blob = find(task);
    const ofPackage = blob && wanted[blob.package];
    ofPackage?.tasks.push(position);
    ofPackage?.offsets.push(blob?.offset ?? 0);
    position++;
  }
  for (const [index, found] of wanted.entries()) {
    const blobs = lastFirst(found, tasks, find);
    let next = blobs.next().value;
    await content.release(index, next ? next.blob.offset + next.blob.available : 0);
    let copied = 0;
    while (next) {
      const { task, blob } = next;
      await copy(task, blob);
      copied += blob.available;
      next = blobs.next().value;
      if (copied < TAKE_OVER_STEP_BYTES && next) continue;
      await sync();
      await content.release(index, blob.offset);
      copied = 0;
    }
  }
  await content.remove();
}

interface FoundTask {
  readonly task: BlobTask;
  readonly blob: PreviousBlob;
}

/** Of a hundred thousand, only numbers wait: each is looked up again when its turn comes. */
function* lastFirst(
  { tasks: positions, offsets }: Wanted,
  tasks: BundleWork["tasks"],
  find: TakeOverOptions["find"],
): Generator<FoundTask, undefined> {
  const order = Uint32Array.from(positions.keys());
  order.sort((left, right) => (offsets[right] ?? 0) - (offsets[left] ?? 0));
  for (const number of order) {
    const task = tasks.at(positions[number] ?? -1);
    const blob = task && find(task);
    if (task && blob) yield { task, blob };
  }
}
