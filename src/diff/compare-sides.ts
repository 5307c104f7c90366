import { compareTexts } from "../compare-texts.ts";
import { type ComparedImage, type ComparedSide, keyOfCompared } from "./compared-side.ts";

/** A tag that points at something else on the other side. */
export interface ChangedImage {
  readonly repository: string;
  readonly tag: string;
  readonly from: ComparedImage;
  readonly to: ComparedImage;
}

export interface Differences {
  /** Only the second side has these. */
  readonly added: readonly ComparedImage[];
  /** Only the first side has these. */
  readonly removed: readonly ComparedImage[];
  readonly changed: readonly ChangedImage[];
  readonly sameCount: number;
}

/** Pure: what the second side has otherwise than the first, each list sorted by name. */
export function compareSides(left: ComparedSide, right: ComparedSide): Differences {
  const before = new Map(left.images.map((image) => [keyOfCompared(image), image]));
  const after = new Map(right.images.map((image) => [keyOfCompared(image), image]));
  const changed: ChangedImage[] = [];
  const added: ComparedImage[] = [];
  let sameCount = 0;
  for (const [key, to] of after) {
    const from = before.get(key);
    if (from === undefined) added.push(to);
    else if (from.digest === to.digest) sameCount += 1;
    else changed.push({ repository: to.repository, tag: to.tag ?? "", from, to });
  }
  const removed = [...before].filter(([key]) => !after.has(key)).map(([, image]) => image);
  const byName = (one: ComparedImage, other: ComparedImage) =>
    compareTexts(keyOfCompared(one), keyOfCompared(other));
  return {
    added: added.sort(byName),
    removed: removed.sort(byName),
    changed: changed.sort((one, other) => byName(one.to, other.to)),
    sameCount,
  };
}
