import type { ImageContents } from "../contents/contents.ts";
import { nameOf } from "./choose-images.ts";
import type { ExportedImage } from "./export-options.ts";

export function toExportedImage(image: ImageContents): ExportedImage {
  const { root, platforms } = image;
  return { name: exportedName(image), digest: root.digest, platforms };
}

/** The full name of an image, as it is in the export. */
export function exportedName({ origin, root, tags }: ImageContents): string {
  return nameOf({ origin, root, tag: tags[0] });
}
