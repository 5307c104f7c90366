import { dirname, join } from "node:path";
import { mkdir, writeFrom } from "../io/file-system.ts";
import type { ExportOptions, ExportReport } from "./export-options.ts";
import { fillDirectory } from "./fresh-directory.ts";
import type { ExportPlan } from "./plan-export.ts";
import { readEntry } from "./read-entry.ts";

/** Writes the files of an image layout. */
export async function writeLayout(
  plan: ExportPlan,
  { out, signal }: Pick<ExportOptions, "out" | "signal">,
): Promise<Pick<ExportReport, "bytes" | "isWritten">> {
  return await fillDirectory(out, async (directory) => {
    let bytes = 0;
    for (const entry of plan.entries) {
      signal?.throwIfAborted();
      const path = join(directory, entry.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFrom(path, readEntry(entry, plan, signal));
      bytes += entry.size;
    }
    return { bytes, isWritten: true };
  });
}
