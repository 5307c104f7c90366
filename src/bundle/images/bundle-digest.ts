import { join } from "node:path";
import { readFile } from "../../io/read-file.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { BUNDLE_MANIFEST_FILE } from "../format/format.ts";
import type { BundleReader } from "../read/bundle-reader.ts";

/** sha256 of `bundle.json`, by which receipts name a bundle; undefined for those of other programs. */
export async function digestOfBundle({
  manifest,
  listing,
}: Pick<BundleReader, "manifest" | "listing">): Promise<Digest | undefined> {
  return manifest && digestOf(await readFile(join(listing.directory, BUNDLE_MANIFEST_FILE)));
}
