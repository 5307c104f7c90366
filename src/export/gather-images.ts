import { type BundleStore, openBundleStore } from "../bundle/images/bundle-store.ts";
import { openCacheStore } from "../cache/served/cache-store.ts";
import { OptionInvalidError } from "../errors.ts";
import type { Notice } from "../notice.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import {
  type ChosenImage,
  type ChosenImages,
  chooseImages,
  type FailedImage,
  imagesOf,
  nameOf,
  tagged,
} from "./choose-images.ts";
import type { ExportOptions } from "./export-options.ts";
import { isSingleFailure } from "./single-failures.ts";

/** What is to be exported, from wherever it comes. */
export interface GatheredImages extends ChosenImages, AsyncDisposable {
  /** Opened, in the order of their paths. */
  readonly bundles: readonly BundleStore[];
  readonly notices: readonly Notice[];
}

type GatherOptions = Pick<
  ExportOptions,
  | "bundlePaths"
  | "cacheDirectory"
  | "references"
  | "openSource"
  | "images"
  | "noReferrers"
  | "signal"
>;

/** Images of bundles and of a cache by pattern, and images of registries by name. */
export async function gatherImages(options: GatherOptions): Promise<GatheredImages> {
  const { bundlePaths, cacheDirectory, images: patterns = [], noReferrers = false } = options;
  const bundles: BundleStore[] = [];
  const close = async () => {
    for (const bundle of bundles) await bundle[Symbol.asyncDispose]();
  };
  try {
    for (const path of bundlePaths) bundles.push(await openBundleStore(path));
    const kept = cacheDirectory === undefined ? [] : await cachedImages(cacheDirectory, options);
    const { found, failed } = await fetchedImages(options);
    const held = [...bundles.flatMap(imagesOf), ...kept];
    const hasHeld = bundlePaths.length > 0 || cacheDirectory !== undefined;
    const chosen = chooseImages(held, hasHeld ? patterns : []);
    const own = noReferrers ? chosen.images.filter(isRoot) : chosen.images;
    return {
      images: chooseImages([...own, ...found], []).images,
      // A source that is asked for what belongs to an image gives it then
      followers: noReferrers ? [] : chosen.followers.filter(({ source }) => source === undefined),
      failed,
      bundles,
      notices: bundles.flatMap(({ notices }) => notices),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function cachedImages(
  directory: string,
  { noReferrers }: GatherOptions,
): Promise<readonly ChosenImage[]> {
  const { images, repository: open } = await openCacheStore(directory);
  return images.map(({ namespace, repository, tag, digest }) => {
    const origin = { registry: namespace, repository };
    const name = nameOf({ origin, root: { digest }, tag });
    const store = open({ namespace, repository });
    const source = noReferrers ? undefined : store;
    return { name, origin, ...tagged(tag), root: { digest }, store, source, isPartial: true };
  });
}

interface Fetched {
  readonly found: readonly ChosenImage[];
  readonly failed: readonly FailedImage[];
}

async function fetchedImages(options: GatherOptions): Promise<Fetched> {
  const found: ChosenImage[] = [];
  const failed: FailedImage[] = [];
  for (const text of options.references ?? []) {
    try {
      found.push(await fetchImage(parseReference(text), options));
    } catch (error) {
      if (!isSingleFailure(error)) throw error;
      failed.push({ name: text, error });
    }
  }
  return { found, failed };
}

async function fetchImage(
  { digest, tag: named, ...origin }: Reference,
  { openSource, noReferrers, signal }: GatherOptions,
): Promise<ChosenImage> {
  if (openSource === undefined) throw new OptionInvalidError("openSource", "it is missing");
  const tag = named ?? (digest === undefined ? "latest" : undefined);
  const store = openSource(origin);
  const { descriptor } = await store.fetchManifest(digest ?? tag ?? "latest", { signal });
  const root = { digest: descriptor.digest };
  const name = nameOf({ origin, root, tag });
  const source = noReferrers ? undefined : store;
  return { name, origin, ...(tag ? { tag } : {}), root, store, source };
}

function isRoot({ subject }: ChosenImage): boolean {
  return subject === undefined;
}
