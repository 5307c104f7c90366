import { createVerifyStream } from "../io/verify-stream.ts";
import { ContentMissingError } from "../store/errors.ts";
import type { ExportPlan } from "./plan-export.ts";

/** The bytes of one entry; those of blobs are hashed on the way, and fail before the last one where they are wrong. */
export async function* readEntry(
  { content, path, size }: ExportPlan["entries"][number],
  { stores, rewritten }: ExportPlan,
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
