import { compareTexts } from "../../compare-texts.ts";
import { formatReference } from "../../oci/reference.ts";
import { formatTagPolicy } from "../../versions/tag-policy.ts";
import type { ImageSelector } from "./selection.ts";
import { parseImageSelector } from "./selector.ts";
import { uniqueBy } from "./unique-by.ts";

/** Parses images; of several spellings of one the same is kept, however they are ordered. */
export function mergeImages(entries: readonly string[]): ImageSelector[] {
  const selectors = entries
    .map((entry) => parseImageSelector(entry))
    .sort((left, right) => compareTexts(left.text, right.text));
  return uniqueBy(selectors, imageKeyOf);
}

function imageKeyOf({ reference, filter }: ImageSelector): string {
  const tagged = reference.tag || reference.digest || filter.kind !== "default";
  const named = formatReference(tagged ? reference : { ...reference, tag: "latest" });
  if (filter.kind === "policy") return `${named}@${filter.policies.map(formatTagPolicy).join(" ")}`;
  return filter.kind === "range" ? `${named}@${filter.range}` : named;
}
