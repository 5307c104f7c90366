import { join } from "node:path";
import { type Digest, parseDigest } from "../oci/digest.ts";

/** What content is kept as. */
export type ContentKind = "blobs" | "manifests";

/** Name of kept content among the files: `blobs/sha256/<hex>`. */
export function nameOfContent(kind: ContentKind, digest: Digest): string {
  const { algorithm, encoded } = parseDigest(digest);
  return join(kind, algorithm, encoded);
}
