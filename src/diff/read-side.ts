import { readBundledGraph } from "../bundle/images/bundle-graph.ts";
import { type RoutedImage, routesOf } from "../bundle/images/routes.ts";
import type { BundleImage } from "../bundle/read/bundle-manifest.ts";
import { type BundleReader, openBundle } from "../bundle/read/bundle-reader.ts";
import type { Lock } from "../lock/lock.ts";
import type { Notice } from "../notice.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import { createDiscoveryImage } from "../product/discovery-image.ts";
import { placeModules } from "../product/layouts.ts";
import { parseModulesPath } from "../product/modules-path.ts";
import { isMissing } from "../store/errors.ts";
import type { ManifestSource, OperationOptions } from "../store/store.ts";
import { isFallbackTag } from "../target/fallback-tag.ts";
import { listBelow } from "../target/list-below.ts";
import { readTags } from "../target/read-tags.ts";
import { referenceBelow, type TargetPlace } from "../target/target.ts";
import type { ComparedImage, ComparedSide } from "./compared-side.ts";

/** Where the path of modules matters. */
export interface PlacingOptions {
  readonly modulesPathSuffix?: string | undefined;
}

/** Paths are told below a target: which one does not matter here. */
const ANY_TARGET: RepositoryReference = { registry: "localhost", repository: "target" };

/** What a push of a bundle would publish. */
export async function readBundleSide(
  path: string,
  options: PlacingOptions & OperationOptions,
): Promise<ComparedSide> {
  await using bundle = await openBundle(path);
  const { images } = await routesOf(bundle, { ...options, target: ANY_TARGET });
  const sizes = new Map(imagesOf(bundle).map(({ digest, size }) => [digest, size] as const));
  const compared: ComparedImage[] = [];
  for (const image of images) {
    options.signal?.throwIfAborted();
    const size = sizes.get(image.root.digest) ?? (await measure(bundle, image));
    compared.push(...namesOf({ ...image, digest: image.root.digest, size }));
  }
  return { kind: "bundle", name: path, images: compared };
}

function imagesOf({ manifest }: BundleReader): readonly BundleImage[] {
  const layouts = manifest?.packages.flatMap((item) => item.layouts);
  return layouts?.flatMap(({ images }) => images) ?? [];
}

async function measure(bundle: BundleReader, { layout, root }: RoutedImage): Promise<number> {
  const { children, blobs } = await readBundledGraph(bundle, layout, root);
  return [root, ...children, ...blobs].reduce((sum, { size }) => sum + size, 0);
}

/** What a push of a bundle of the lock would publish. */
export function lockSide(lock: Lock, name: string, options: PlacingOptions): ComparedSide {
  const modulesPath = parseModulesPath(options.modulesPathSuffix);
  const images = lock.packages.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  return {
    kind: "lock",
    name,
    images: images.flatMap((image) =>
      namesOf({ ...image, repository: placeModules(image.repository, modulesPath) }),
    ),
  };
}

interface NamedImage {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly digest: string;
  readonly size: number;
}

function namesOf({ repository, tags, digest, size }: NamedImage): ComparedImage[] {
  if (tags.length === 0) return [{ repository, digest, size }];
  return tags.map((tag) => ({ repository, tag, digest, size }));
}

export interface ReadTargetSideOptions extends OperationOptions {
  /** The other side: its repositories are looked at too, and so is what it has without tags. */
  readonly other: readonly ComparedImage[];
  readonly onNotice: (notice: Notice) => void;
}

/**
 * The tags of a target. What only makes others be found, the index behind a fallback tag and the names of modules, is
 * made by a push and is no image of it.
 */
export async function readTargetSide(
  place: TargetPlace,
  { other, onNotice, signal }: ReadTargetSideOptions,
): Promise<ComparedSide> {
  const known = other.map(({ repository }) => repository);
  const paths = await listBelow(place, { known, onNotice, signal });
  const discovery = createDiscoveryImage().manifest.descriptor.digest;
  const images: ComparedImage[] = [];
  for (const path of paths) {
    const repository = place.openTarget(referenceBelow(place.target, path));
    const named = other.filter((one) => one.repository === path);
    const known = named.flatMap(({ tag }) => (tag === undefined ? [] : [tag]));
    const { tags, broken, isUnlisted } = await readTags(repository, { known, signal });
    if (isUnlisted) onNotice(unlisted(formatReference(referenceBelow(place.target, path))));
    for (const [tag, { digest }] of tags) {
      if (digest === discovery || isFallbackTag(tag)) continue;
      images.push({ repository: path, tag, digest });
    }
    for (const tag of broken) {
      const name = formatReference({ ...referenceBelow(place.target, path), tag });
      const message = `"${name}" is listed and points at nothing: it counts as missing`;
      onNotice({ code: "TAG_BROKEN", message });
    }
    images.push(...(await readUntagged(repository, named, { signal })));
  }
  return { kind: "target", name: formatReference(place.target), images };
}

/** What the other side has without tags, as far as the target has it. */
async function readUntagged(
  repository: Pick<ManifestSource, "resolve">,
  images: readonly ComparedImage[],
  options: OperationOptions,
): Promise<ComparedImage[]> {
  const found: ComparedImage[] = [];
  for (const { repository: path, digest, tag } of images) {
    if (tag !== undefined) continue;
    const isThere = await repository.resolve(digest, options).catch(orMissing);
    if (isThere !== undefined) found.push({ repository: path, digest });
  }
  return found;
}

function unlisted(name: string): Notice {
  const message = `The target does not list the tags of "${name}": only those of the other side are looked at, and what else it has is not known`;
  return { code: "TAG_LIST_MISSING", message };
}

function orMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw error;
}
