import { parseReference } from "../oci/reference.ts";
import type { BundleDescription } from "./inspect.ts";

/** The registries that images of a bundle were named after: what clients ask for. Sorted. */
export function bundledRegistries({ packages }: BundleDescription): string[] {
  const sources = packages
    .flatMap(({ layouts }) => layouts.flatMap(({ images }) => images))
    .flatMap(({ source }) => (source === undefined || source === "" ? [] : [source]));
  return [...new Set(sources.map((source) => parseReference(source).registry))].sort();
}
