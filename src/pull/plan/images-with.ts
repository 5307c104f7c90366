import type { ImageContents, PackageContents } from "../../contents/contents.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { formatReference } from "../../oci/reference.ts";

/** The references of all images that have a manifest or blob, as their user knows them; each once. */
export function imagesWith(contents: readonly PackageContents[], digest: Digest): string[] {
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  const found = images.filter(({ documents, layers }) =>
    [...documents, ...layers].some((one) => one.digest === digest),
  );
  return [...new Set(found.flatMap(namesOf))];
}

/** By tags; by its source where it was asked for by digest, as the tag is that of the digest then. */
function namesOf({ origin, root, source, tags }: ImageContents): string[] {
  const hex = parseDigest(root.digest).encoded;
  if (tags.length === 0) return [source];
  return tags.map((tag) => (tag === hex ? source : formatReference({ ...origin, tag })));
}
