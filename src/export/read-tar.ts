import { BLOCK_BYTES, paddingOf } from "../tar/block.ts";
import { formatEntryHeader } from "../tar/entry-header.ts";
import type { ExportPlan } from "./plan-export.ts";
import { readEntry } from "./read-entry.ts";

export interface ReadTarOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called before the first byte of an entry is given, and after the last. */
  readonly onEntry?: (entry: ExportPlan["entries"][number], step: "begin" | "end") => void;
}

/** The bytes of an export that is one tar. */
export async function* readTar(
  plan: ExportPlan,
  { signal, onEntry }: ReadTarOptions = {},
): AsyncGenerator<Buffer> {
  for (const entry of plan.entries) {
    signal?.throwIfAborted();
    onEntry?.(entry, "begin");
    yield formatEntryHeader(entry);
    yield* readEntry(entry, plan, signal);
    yield Buffer.alloc(paddingOf(entry.size));
    onEntry?.(entry, "end");
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}
