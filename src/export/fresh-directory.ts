import { dirname } from "node:path";
import { OptionInvalidError } from "../errors.ts";
import { syncDirectory } from "../io/atomic-write.ts";
import { hasErrorCode } from "../io/errors.ts";
import { readdir, rename, rm, rmdir } from "../io/file-system.ts";

/** What takes the place of a file or directory only when it is complete. */
export const PARTIAL = ".partial";

/** Fills a directory beside the one that is meant, which gets its name when all files are there. */
export async function fillDirectory<Result>(
  out: string,
  fill: (directory: string) => Promise<Result>,
): Promise<Result> {
  await refuseOccupied(out);
  const partial = `${out}${PARTIAL}`;
  await rm(partial, { recursive: true, force: true });
  try {
    const result = await fill(partial);
    await rename(partial, out);
    await syncDirectory(dirname(out));
    return result;
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
