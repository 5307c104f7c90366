import { BLOCK_BYTES, paddingOf } from "../tar/block.ts";
import { formatEntryHeader } from "../tar/entry-header.ts";
import type { ExportPlan } from "./plan-export.ts";
import { readEntry } from "./read-entry.ts";

export interface ReadTarOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with what was given of an entry's data since the last time: nothing before the first byte. */
  readonly onProgress?: (entry: ExportPlan["entries"][number], bytes: number) => void;
}

/** The bytes of an export that is one tar. */
export async function* readTar(
  plan: ExportPlan,
  { signal, onProgress }: ReadTarOptions = {},
): AsyncGenerator<Buffer> {
  for (const entry of plan.entries) {
    signal?.throwIfAborted();
    onProgress?.(entry, 0);
    yield formatEntryHeader(entry);
    for await (const chunk of readEntry(entry, plan, signal)) {
      yield chunk;
      onProgress?.(entry, chunk.length);
    }
    yield Buffer.alloc(paddingOf(entry.size));
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}
