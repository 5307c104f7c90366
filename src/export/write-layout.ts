import { dirname, join } from "node:path";
import { OptionInvalidError } from "../errors.ts";
import { syncDirectory } from "../io/atomic-write.ts";
import { hasErrorCode } from "../io/errors.ts";
import { mkdir, readdir, rename, rm, rmdir, writeFrom } from "../io/file-system.ts";
import type { ExportOptions, ExportReport } from "./export-options.ts";
import type { ExportPlan } from "./plan-export.ts";
import { readEntry } from "./read-entry.ts";
import { PARTIAL } from "./write-archive.ts";

/** Writes the files of the layout beside the directory, which gets its name when they are complete. */
export async function writeLayout(
  plan: ExportPlan,
  { out, signal }: Pick<ExportOptions, "out" | "signal">,
): Promise<Pick<ExportReport, "bytes" | "isWritten">> {
  await refuseOccupied(out);
  const partial = `${out}${PARTIAL}`;
  await rm(partial, { recursive: true, force: true });
  try {
    let bytes = 0;
    for (const entry of plan.entries) {
      signal?.throwIfAborted();
      const path = join(partial, entry.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFrom(path, readEntry(entry, plan, signal));
      bytes += entry.size;
    }
    await rename(partial, out);
    await syncDirectory(dirname(out));
    return { bytes, isWritten: true };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Nothing of others is written over; an empty directory may be one that was made for this. */
async function refuseOccupied(out: string): Promise<void> {
  try {
    if ((await readdir(out)).length === 0) return await rmdir(out);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return;
    throw error;
  }
  throw new OptionInvalidError("out", `"${out}" is not empty`, {
    hint: "Name a directory that does not exist yet",
  });
}
