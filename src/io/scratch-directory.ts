import { join } from "node:path";
import { mkdtemp, rm } from "./file-system.ts";

/** Beneath the directory, which is the user's choice; what is in it is gone with it. */
export async function withScratchDirectory<Result>(
  parent: string,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const path = await mkdtemp(join(parent, "mirror-"));
  try {
    return await use(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}
