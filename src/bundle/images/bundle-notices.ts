import type { Notice } from "../../notice.ts";
import type { BundleListing } from "../read/bundle-listing.ts";
import { hasFileSums } from "../read/bundle-manifest.ts";
import type { BundleReader } from "../read/bundle-reader.ts";
import type { BundledTag, UnnamedManifest } from "./bundled-tags.ts";

/** What a user should know about a bundle that is not wrong with it. */
export interface BundleNotice extends Notice {
  readonly code:
    | "NO_CHECKSUMS"
    | "NO_MANIFEST"
    | "UNNAMED_MANIFESTS"
    | "NAMES_REPEATED"
    | "STRAY_FILES"
    | "UNLISTED_FILES"
    | "EMPTY_PACKAGES";
}

interface Published {
  readonly tags: readonly Pick<UnnamedManifest, "layout">[];
  /** What is published without a tag, unless it is among the others. */
  readonly referrers?: readonly Pick<UnnamedManifest, "layout">[];
  readonly unnamed: readonly UnnamedManifest[];
  /** What another image of the same name takes the place of. */
  readonly repeated?: readonly Pick<BundledTag, "source" | "root">[] | undefined;
}

/** Says what is missing in a bundle of another program, and what of a directory is not pushed. */
export function noticesOf(
  { isPart, manifest, packages, unlisted = [] }: BundleListing,
  {
    strayFiles,
    tags,
    referrers = [],
    unnamed,
    repeated = [],
  }: Pick<BundleReader, "strayFiles"> & Published,
): BundleNotice[] {
  const notices: BundleNotice[] = [];
  const full = new Set([...tags, ...referrers, ...unnamed].map(({ layout }) => layout.package));
  const empty = packages.filter((_, index) => !full.has(index)).map(({ name }) => name);
  if (empty.length > 0) {
    const message = "Packages without an image to push, as an ended pull leaves them";
    notices.push({ code: "EMPTY_PACKAGES", message: `${message}: ${example(empty)}` });
  }
  if (unnamed.length > 0) {
    const message = `${unnamed.length} manifests have no tag, and of those only what belongs to an image with one is pushed`;
    notices.push({
      code: "UNNAMED_MANIFESTS",
      message: `${message}: ${example(unnamed.map(({ digest }) => digest))}`,
    });
  }
  if (repeated.length > 0) {
    const message = `${repeated.length} images are passed over, because one that is listed later has the same name`;
    const names = repeated.map(({ source, root }) => `${source} (${root.digest})`);
    notices.push({ code: "NAMES_REPEATED", message: `${message}: ${example(names)}` });
  }
  if (strayFiles.length > 0) {
    const message = `${strayFiles.length} files among the blobs are none and are passed over`;
    notices.push({ code: "STRAY_FILES", message: `${message}: ${example(strayFiles)}` });
  }
  if (unlisted.length > 0) {
    const message = `${unlisted.length} package files are not listed in bundle.json and are passed over`;
    notices.push({ code: "UNLISTED_FILES", message: `${message}: ${example(unlisted)}` });
  }
  if (manifest && !hasFileSums(manifest)) {
    const message = "The bundle was made without checksums of its files, and has no SHA256SUMS";
    notices.push({ code: "NO_CHECKSUMS", message: `${message}: images have digests of their own` });
  }
  if (!manifest) {
    const place = isPart ? "One package is read by itself" : "The bundle has no bundle.json";
    const message = `${place}: nothing says whether files of it are missing`;
    notices.push({ code: "NO_MANIFEST", message });
  }
  return notices;
}

/** `a, b, …` */
function example(names: readonly string[]): string {
  return [...names.slice(0, 2), ...(names.length > 2 ? ["…"] : [])].join(", ");
}
