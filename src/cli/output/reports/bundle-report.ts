import type { BundleDescription } from "../../../index.ts";
import { renderImageName } from "../image-name.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { formatBytes, formatCount } from "../units.ts";
import { renderOmissions } from "./omissions.ts";

/** A bundle as a tree: packages, their files and layouts, the images with tags, digests and sizes. */
export function renderBundle(bundle: BundleDescription): string {
  const { images, blobs, uniqueBytes } = bundle.totals;
  return [
    ...(bundle.source === undefined ? [] : [`source ${sanitize(bundle.source)}`]),
    ...bundle.packages.flatMap(renderPackage),
    ...imagesOf(bundle).flatMap(renderOmissions),
    `${formatCount(images, "image")}, ${formatCount(blobs, "blob")}, ${formatBytes(uniqueBytes)} of distinct content`,
    ...bundle.notices.map((notice) => `notice: ${sanitize(notice.message)}`),
    "",
  ].join("\n");
}

function imagesOf({ packages }: BundleDescription): readonly Image[] {
  return packages.flatMap(({ layouts }) => layouts.flatMap(({ images }) => images));
}

type Package = BundleDescription["packages"][number];
type Image = Package["layouts"][number]["images"][number];

function renderPackage({ name, kind, size, files, layouts }: Package): readonly string[] {
  return [
    `${sanitize(name)} (${[...(kind === undefined ? [] : [kind]), formatBytes(size)].map(sanitize).join(", ")})`,
    ...files.map((file) => `  ${sanitize(file.name)}  ${formatBytes(file.size)}`),
    ...layouts.flatMap(({ path, images }) => [
      `  ${path === "" ? "(root)" : sanitize(path)}/`,
      ...images.map(renderImage),
    ]),
  ];
}

function renderImage(image: Image): string {
  const { digest, size, platforms, kind } = image;
  const about = [
    ...(kind === "image" ? [] : [kind]),
    shortDigest(digest),
    formatBytes(size),
    ...(platforms.length > 0 ? [platforms.join(" ")] : []),
  ];
  return `    ${renderImageName(image)}  ${sanitize(about.join("  "))}`;
}
