import { join } from "node:path";
import { hasErrorCode } from "../../io/errors.ts";
import { readdir } from "../../io/file-system.ts";
import { type Digest, isDigest, parseDigest } from "../../oci/digest.ts";

/** What content is kept as. */
export type ContentKind = "blobs" | "manifests";

/** Name of kept content among the files: `blobs/sha256/<hex>`. */
export function nameOfContent(kind: ContentKind, digest: Digest): string {
  const { algorithm, encoded } = parseDigest(digest);
  return join(kind, algorithm, encoded);
}

/** Digests of what is kept below a directory, sorted. */
export async function listContent(
  directory: string,
  kind: ContentKind,
): Promise<readonly Digest[]> {
  const folder = join(directory, kind);
  const found: string[] = [];
  for (const algorithm of await readdirIfThere(folder)) {
    for (const encoded of await readdirIfThere(join(folder, algorithm))) {
      found.push(`${algorithm}:${encoded}`);
    }
  }
  // A file that is being written has another name until it is there
  return found.filter(isDigest).sort();
}

/** A cache that has kept nothing yet has no folders. */
async function readdirIfThere(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return [];
    throw error;
  }
}
