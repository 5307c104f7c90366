import { basename, resolve } from "node:path";
import type { MadeArtifact } from "../contents/contents.ts";
import { hasErrorCode } from "../io/errors.ts";
import { type HashFileOptions, hashFile } from "../io/hash-file.ts";
import { packFile } from "./pack-file.ts";

/** Reads a file of this machine to know its digest; what has the path may be nothing, or a directory. */
export async function makeFileArtifact(
  path: string,
  options: HashFileOptions,
): Promise<MadeArtifact | "absent" | "directory"> {
  const absolute = resolve(path);
  try {
    const hashed = await hashFile(absolute, options);
    return packFile({ ...hashed, path: absolute, title: basename(absolute) });
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return "absent";
    if (hasErrorCode(error, "EISDIR")) return "directory";
    throw error;
  }
}
