import type { ImageContents } from "../../contents/contents.ts";
import { formatReference } from "../../oci/reference.ts";
import type { Root } from "../../selection/resolve/root.ts";

export interface PlacedImage {
  readonly root: Root;
  readonly image: ImageContents;
}

/** One image for each place and digest, with the tags of all that are the same; what belongs to others says so. */
export function mergePlaced(placed: readonly PlacedImage[]): PlacedImage[] {
  const merged = new Map<string, PlacedImage>();
  for (const one of placed) {
    const { origin, layout, packageName } = one.root;
    const key = [
      packageName,
      layout,
      formatReference({ ...origin, digest: one.image.root.digest }),
    ];
    const known = merged.get(key.join("\0"));
    merged.set(key.join("\0"), known ? merge(known, one) : one);
  }
  return [...merged.values()];
}

function merge(left: PlacedImage, right: PlacedImage): PlacedImage {
  const tags = [...new Set([...left.image.tags, ...right.image.tags])].sort();
  const belonging = [left, right].find(({ image }) => image.subject !== undefined)?.image;
  // What was asked for by its name stays where that puts it
  const base = left.image.subject === undefined ? left : right;
  const { kind, subject } = belonging ?? base.image;
  const about = subject === undefined ? { kind } : { kind, subject };
  return { root: base.root, image: { ...base.image, tags, ...about } };
}
