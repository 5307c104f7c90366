import type { ImageContents } from "../contents/contents.ts";
import { type ExportPlan, keepImages } from "../export/plan-export.ts";
import { readTar } from "../export/read-tar.ts";
import { writeReadable } from "../export/write-readable.ts";
import type { PushEvent } from "../push/events.ts";
import type { OperationOptions } from "../store/store.ts";
import { RuntimeRefusedError } from "./errors.ts";
import type { LoadBook } from "./load-book.ts";
import type { Runtime } from "./runtime.ts";

export interface LoadMissingOptions extends OperationOptions {
  readonly runtime: Runtime;
  readonly plan: ExportPlan;
  readonly book: LoadBook;
  readonly onEvent: (event: PushEvent) => void;
}

/** So many that are refused one after the other: the next will be refused as well, as on a disk that is full. */
const REFUSED_LIMIT = 4;

/** Loads what the runtime does not have in one stream. If it refuses that, each image goes alone: the others are not to miss. */
export async function loadMissing(options: LoadMissingOptions): Promise<void> {
  const { runtime, plan, book } = options;
  const missing = plan.contents.filter((image) => !book.isThere(image));
  const refusal = await loadSome(missing, options);
  if (refusal === undefined) return;
  const now = await runtime.list();
  const left = missing.filter((image) => now.find(image) !== runtime.plannedOf(image));
  if (left.length === 1 && missing.length === 1) return book.refuse(left, refusal);
  let refused = 0;
  for (const [position, image] of left.entries()) {
    const why = await loadSome([image], options);
    refused = why === undefined ? 0 : refused + 1;
    if (why !== undefined) book.refuse([image], why);
    if (why !== undefined && refused === REFUSED_LIMIT) {
      return book.refuse(left.slice(position + 1), why);
    }
  }
}

/** What the runtime says where it refuses them. */
async function loadSome(
  images: readonly ImageContents[],
  { runtime, plan, book, onEvent, signal }: LoadMissingOptions,
): Promise<RuntimeRefusedError | undefined> {
  const wanted = new Set(images);
  const part = keepImages(plan, (image) => wanted.has(image) && !book.isUnreadable(image));
  if (part.contents.length === 0) return undefined;
  const onProgress = reportTo(book, onEvent);
  const load = (readable: ExportPlan) => runtime.load(readTar(readable, { signal, onProgress }));
  try {
    const written = await writeReadable(part, load, signal);
    book.addUnreadable(written.plan.failures.slice(part.failures.length));
    return undefined;
  } catch (error) {
    if (error instanceof RuntimeRefusedError) return error;
    throw error;
  }
}

function reportTo(book: LoadBook, onEvent: LoadMissingOptions["onEvent"]) {
  let given = 0;
  return ({ content, size }: ExportPlan["entries"][number], bytes: number) => {
    if (content.kind !== "blob") return;
    const { digest, origin } = content;
    if (bytes === 0) {
      given = 0;
      const repository = `${origin.registry}/${origin.repository}`;
      onEvent({ type: "blob-started", digest, size, repository });
    } else onEvent({ type: "blob-progress", digest, bytes });
    given += bytes;
    book.noteSent(digest, bytes);
    if (given < size || (bytes === 0 && size > 0)) return;
    onEvent({ type: "blob-finished", digest, size, outcome: "uploaded" });
  };
}
