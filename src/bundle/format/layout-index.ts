import { compareTexts } from "../../compare-texts.ts";
import {
  type ImageContents,
  isNamedPackage,
  type LayoutContents,
  type PackageKind,
} from "../../contents/contents.ts";
import { parseDigest } from "../../oci/digest.ts";
import { MEDIA_TYPE } from "../../oci/media-type.ts";
import { formatReference } from "../../oci/reference.ts";
import { ANNOTATION, blobPath } from "./format.ts";

/**
 * `index.json` of a layout: one descriptor per (repository, tag), sorted. In `images.tar`, where images of many
 * repositories meet, the full reference names the image; elsewhere `short_tag` is the tag to push under. What is found by
 * its subject has no tag: the annotation of its subject says where it belongs.
 */
export function renderLayoutIndex(layout: LayoutContents, kind: PackageKind): string {
  const manifests = layout.images
    .flatMap((image): TaggedImage[] =>
      image.tags.length > 0
        ? image.tags.map((tag) => ({ image, tag }))
        : [{ image, tag: parseDigest(image.root.digest).encoded }],
    )
    .sort((left, right) => compareTexts(sortKey(left), sortKey(right)))
    .map(({ image, tag }) => ({
      mediaType: image.root.mediaType,
      digest: image.root.digest,
      size: image.root.size,
      annotations: annotationsOf(image, tag, isNamedPackage(kind)),
    }));
  return JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.imageIndex, manifests });
}

interface TaggedImage {
  readonly image: ImageContents;
  readonly tag: string;
}

function sortKey({ image, tag }: TaggedImage): string {
  return `${image.repository}\0${tag}\0${image.root.digest}`;
}

function annotationsOf(
  image: ImageContents,
  tag: string,
  isNamed: boolean,
): Record<string, string> {
  // A file comes from no registry
  const name = image.kind === "file" ? tag : referenceOf(image, tag);
  const { subject, tags } = image;
  const names = {
    ...(isNamed ? { [ANNOTATION.containerdName]: name } : {}),
    ...(subject !== undefined && tags.length === 0 ? { [ANNOTATION.subject]: subject } : {}),
    ...(isNamed || tags.length === 0 ? {} : { [ANNOTATION.shortTag]: tag }),
  };
  return { ...names, [ANNOTATION.refName]: name };
}

/** The full source reference; the bare hex of a digest stands for the digest. */
function referenceOf(image: ImageContents, tag: string): string {
  const { digest } = image.root;
  const isDigestTag =
    digest.endsWith(`:${tag}`) || image.sourceDigest?.endsWith(`:${tag}`) === true;
  return formatReference({ ...image.origin, ...(isDigestTag ? { digest } : { tag }) });
}

/**
 * `manifest.json` as `docker save` writes it, so that one-platform tools take the archive as it is. Docker refuses all of it
 * for one image of another system: those for Windows are listed where there are no others.
 */
export function renderArchiveManifest(layout: LayoutContents): string {
  const isForLinux = layout.images.some(({ archive }) => archive && archive.os === undefined);
  const entries = layout.images.flatMap((image) => {
    if (!image.archive || (isForLinux && image.archive.os !== undefined)) return [];
    const names = image.tags
      .map((tag) => referenceOf(image, tag))
      .filter((name) => !name.includes("@"));
    return [
      {
        Config: blobPath("", image.archive.config),
        RepoTags: names.length > 0 ? names : null,
        Layers: image.archive.layers.map((digest) => blobPath("", digest)),
      },
    ];
  });
  return JSON.stringify(entries);
}
