import type { PackageContents } from "../contents/contents.ts";
import type { Digest } from "../oci/digest.ts";

/** The references of all images that have a manifest or blob, as they were asked for at the source; each once. */
export function imagesWith(contents: readonly PackageContents[], digest: Digest): string[] {
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  const found = images.filter(({ documents, layers }) =>
    [...documents, ...layers].some((one) => one.digest === digest),
  );
  return [...new Set(found.map(({ source }) => source))];
}
