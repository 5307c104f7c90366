import { createVerifyStream } from "../io/verify-stream.ts";
import { ContentMissingError } from "../store/errors.ts";
import type { ExportPlan } from "./plan-export.ts";
import { isSingleFailure, UnreadableContent } from "./single-failures.ts";

type Entry = ExportPlan["entries"][number];

/**
 * The bytes of one entry; those of blobs are hashed on the way, and fail before the last one where they are wrong. What cannot
 * be read is `UnreadableContent`.
 */
export async function* readEntry(
  entry: Entry,
  plan: Pick<ExportPlan, "stores" | "rewritten">,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    yield* readContent(entry, plan, signal);
  } catch (error) {
    if (!isSingleFailure(error) || entry.content.kind !== "blob") throw error;
    throw new UnreadableContent(entry.content.digest, error);
  }
}

async function* readContent(
  { content, path, size }: Pick<Entry, "content" | "path" | "size">,
  { stores, rewritten }: Pick<ExportPlan, "stores" | "rewritten">,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  if (content.kind === "generated") {
    yield content.bytes;
    return;
  }
  const { digest, mediaType } = content;
  const text = rewritten.get(digest);
  if (text !== undefined) {
    yield Buffer.from(text);
    return;
  }
  const store = stores.get(digest);
  if (store === undefined) throw new ContentMissingError(`"${path}"`, "no image has it");
  const target = { digest, mediaType, size };
  const source = await store.fetch(target, { signal });
  const verified = createVerifyStream(target);
  source.on("error", (error) => verified.destroy(error));
  try {
    for await (const chunk of source.pipe(verified)) yield chunk as Buffer;
  } finally {
    source.destroy();
  }
}
