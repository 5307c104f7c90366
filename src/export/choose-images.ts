import type { BundleStore, PublishedImage } from "../bundle/images/bundle-store.ts";
import { compareTexts } from "../compare-texts.ts";
import { fitsPattern } from "../name-pattern.ts";
import { parseCosignTag } from "../oci/cosign-tag.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import type { ReadableStore, SourceRepository } from "../store/store.ts";
import { ExportConflictError, ExportUnmatchedError } from "./errors.ts";

/** An image under the name that a runtime will know it by. */
export interface ChosenImage {
  readonly name: string;
  /** Missing where clients find it by its subject. */
  readonly tag?: string | undefined;
  /** The manifest that it belongs to: a signature, a bill of materials. */
  readonly subject?: Digest;
  readonly root: Pick<Descriptor, "digest">;
  readonly origin: RepositoryReference;
  readonly store: ReadableStore;
  /** Is asked for what belongs to it. Missing: all that does was gathered with it. */
  readonly source?: SourceRepository | undefined;
  /** Of an index, only some platforms may be there, and of what belongs to an image nothing but its manifest. */
  readonly isPartial?: true;
}

/** What is exported. */
export interface ChosenImages {
  /** Sorted by name. */
  readonly images: readonly ChosenImage[];
  /** Taken along with what they belong to. */
  readonly followers: readonly ChosenImage[];
  /** What was asked for by name, and cannot be read. */
  readonly failed?: readonly FailedImage[];
}

export interface FailedImage {
  readonly name: string;
  readonly error: Error;
}

/** Where what names no registry belongs to, as podman says of images that were made on the machine itself. */
const NO_REGISTRY = "localhost";

/** All that a bundle has, by the names of its images. */
export function imagesOf(store: BundleStore): readonly ChosenImage[] {
  return [
    ...store.images.map((image) => ({ ...place(image, store), ...tagged(image.tag) })),
    ...store.referrers.map((image) => ({ ...place(image, store), subject: image.subject })),
  ];
}

/** A tag, and what it says of the image. */
export function tagged(tag: string): Required<Pick<ChosenImage, "tag">> & { subject?: Digest } {
  const subject = parseCosignTag(tag)?.subject;
  return { tag, ...(subject ? { subject } : {}) };
}

/** The images whose names fit; all of them without a pattern. A name that means two images is refused: only one could be kept. */
export function chooseImages(
  all: readonly ChosenImage[],
  patterns: readonly string[],
): ChosenImages {
  const unmet = patterns.find((pattern) => !all.some((image) => fits(image, pattern)));
  if (unmet !== undefined) {
    throw new ExportUnmatchedError(`no image fits "${unmet}"`, {
      hint: `Write it as "${all[0]?.name ?? "docker.io/library/web:1.0"}", with * for any text`,
    });
  }
  const isMeant = (image: ChosenImage) =>
    patterns.length === 0 || patterns.some((pattern) => fits(image, pattern));
  return {
    images: distinct(all.filter(isMeant)),
    followers: distinct(all.filter((image) => image.subject !== undefined && !isMeant(image))),
  };
}

function distinct(images: readonly ChosenImage[]): readonly ChosenImage[] {
  const chosen = new Map<string, ChosenImage>();
  for (const image of images) {
    const known = chosen.get(image.name);
    if (known && known.root.digest !== image.root.digest) refuseTwins(known, image);
    chosen.set(image.name, known ?? image);
  }
  return [...chosen.values()].sort((left, right) => compareTexts(left.name, right.name));
}

function place(
  image: Omit<PublishedImage, "tag"> & { readonly tag?: string },
  store: BundleStore,
): Pick<ChosenImage, "name" | "origin" | "root" | "store"> {
  const { root, repository } = image;
  return {
    name: nameInRuntime(image),
    origin: originOf(image),
    root,
    store: store.repository(repository),
  };
}

/** What an image of a bundle is called where it is run. */
export function nameInRuntime(
  image: Omit<PublishedImage, "tag"> & { readonly tag?: string },
): string {
  return nameOf({ origin: originOf(image), root: image.root, tag: image.tag });
}

function originOf({
  repository,
  source,
}: Pick<PublishedImage, "repository" | "source">): RepositoryReference {
  if (source !== undefined) return source;
  return { registry: NO_REGISTRY, repository: repository === "" ? "image" : repository };
}

/** The bare hex of a digest stands for the digest, as does no tag at all. */
export function nameOf({
  origin,
  root,
  tag,
}: {
  readonly origin: RepositoryReference;
  readonly root: Pick<Descriptor, "digest">;
  readonly tag: string | undefined;
}): string {
  const isNamed = tag !== undefined && !isDigest(`sha256:${tag}`);
  return formatReference({ ...origin, ...(isNamed ? { tag } : { digest: root.digest }) });
}

/** Users write Docker Hub's images as they know them, too. */
function fits({ name }: ChosenImage, pattern: string): boolean {
  const short = [
    name,
    name.replace(/^docker\.io\//, ""),
    name.replace(/^docker\.io\/library\//, ""),
  ];
  return short.some((text) => fitsPattern(pattern, text));
}

function refuseTwins(one: ChosenImage, other: ChosenImage): never {
  const reason = `it is ${one.root.digest} in one place and ${other.root.digest} in another`;
  throw new ExportConflictError(one.name, reason, { hint: "Export them one by one" });
}
