import type { ImageKind } from "../contents/contents.ts";
import { parseReference } from "../oci/reference.ts";
import type { BundleDescription } from "./inspect.ts";

/** No runtime asks for them, and what they were named after may be no registry. */
const FOR_OTHERS: ReadonlySet<string> = new Set<ImageKind>(["chart", "file"]);

/** The registries that images of a bundle were named after: what clients ask for. Sorted. */
export function bundledRegistries({ packages }: BundleDescription): string[] {
  const sources = packages
    .flatMap(({ layouts }) => layouts.flatMap(({ images }) => images))
    .filter(({ kind }) => !FOR_OTHERS.has(kind ?? ""))
    .flatMap(({ source }) => (source === undefined || source === "" ? [] : [source]));
  return [...new Set(sources.map((source) => parseReference(source).registry))].sort();
}
