import { join } from "node:path";
import { readdir, stat } from "../../io/file-system.ts";
import { BUNDLE_MANIFEST_FILE } from "../format/format.ts";

/** A medium has a few directories at its root; one with more is something else. */
const LOOK_LIMIT = 100;

/** Directories in a directory that are a bundle or an image layout: somebody may have named the medium. */
export async function findNested(directory: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names.slice(0, LOOK_LIMIT)) {
    const path = join(directory, name);
    // What cannot be looked into is no better a proposal than none
    const inside = await stat(path)
      .then((stats) => (stats.isDirectory() ? readdir(path) : []))
      .catch((): string[] => []);
    const isLayout = inside.includes("index.json") && inside.includes("blobs");
    if (isLayout || inside.includes(BUNDLE_MANIFEST_FILE)) found.push(path);
  }
  return found;
}
