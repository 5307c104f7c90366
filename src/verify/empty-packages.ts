import { join } from "node:path";
import { BundleMissingError } from "../bundle/errors.ts";
import type { BundledTags } from "../bundle/images/bundled-tags.ts";
import type { BundleListing } from "../bundle/read/bundle-listing.ts";
import { call } from "../option.ts";
import type { Findings } from "./findings.ts";

/**
 * A package of another program that holds no image is no damage that anybody could see in its bytes, and no content
 * either: a pull that was ended leaves such packages.
 */
export function enterEmptyPackages(
  { directory, manifest, packages }: BundleListing,
  { tags, referrers, unnamed }: BundledTags,
  findings: Findings,
): void {
  if (manifest) return;
  const full = new Set([...tags, ...referrers, ...unnamed].map(({ layout }) => layout.package));
  for (const [index, { name, files, isDirectory }] of packages.entries()) {
    // What is damaged or missing may hold images
    if (full.has(index) || files.some((file) => findings.isKnown(file.name))) continue;
    const path = isDirectory ? directory : join(directory, files[0]?.name ?? name);
    const hint = `Write it again, or leave it out; ${call("pull")} writes no package without images`;
    findings.add(new BundleMissingError(path, "it holds no image", { hint }));
  }
}
