import { type BundleStore, openBundleStore } from "../bundle/images/bundle-store.ts";
import { openCacheStore } from "../cache/cache-store.ts";
import { OptionInvalidError } from "../errors.ts";
import type { Notice } from "../notice.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import { isMissing } from "../store/errors.ts";
import type { SourceRepository } from "../store/store.ts";
import {
  type ChosenImage,
  type ChosenImages,
  chooseImages,
  type FailedImage,
  imagesOf,
  nameOf,
} from "./choose-images.ts";
import type { ExportOptions } from "./export-options.ts";
import { isSingleFailure } from "./single-failures.ts";

/** What is to be exported, from wherever it comes. */
export interface GatheredImages extends ChosenImages, AsyncDisposable {
  readonly notices: readonly Notice[];
}

type GatherOptions = Pick<
  ExportOptions,
  "bundlePaths" | "cacheDirectory" | "references" | "openSource" | "images" | "signal"
>;

/** Images of bundles and of a cache by pattern, and images of registries by name. */
export async function gatherImages(options: GatherOptions): Promise<GatheredImages> {
  const { bundlePaths, cacheDirectory, images: patterns = [] } = options;
  const stores: BundleStore[] = [];
  const close = async () => {
    for (const store of stores) await store[Symbol.asyncDispose]();
  };
  try {
    for (const path of bundlePaths) stores.push(await openBundleStore(path));
    const kept = cacheDirectory === undefined ? [] : await cachedImages(cacheDirectory);
    const { found, failed } = await fetchedImages(options);
    const held = [...stores.flatMap(imagesOf), ...kept];
    const hasHeld = bundlePaths.length > 0 || cacheDirectory !== undefined;
    const chosen = chooseImages(held, hasHeld ? patterns : []);
    const all = chooseImages([...chosen.images, ...found.filter(isRoot)], []);
    return {
      images: all.images,
      followers: [...chosen.followers, ...found.filter((image) => !isRoot(image))],
      failed,
      notices: stores.flatMap(({ notices }) => notices),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function cachedImages(directory: string): Promise<readonly ChosenImage[]> {
  const { images, content } = await openCacheStore(directory);
  return images.map(({ namespace, repository, tag, digest }) => {
    const origin = { registry: namespace, repository };
    const name = nameOf({ origin, root: { digest }, tag });
    return { name, origin, tag, root: { digest }, store: content, isPartial: true };
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
      found.push(...(await fetchImage(parseReference(text), options)));
    } catch (error) {
      if (!isSingleFailure(error)) throw error;
      failed.push({ name: text, error });
    }
  }
  return { found, failed };
}

/** With what the registry lists as belonging to it, and what belongs to that. */
async function fetchImage(
  { digest, tag: named, ...origin }: Reference,
  { openSource, signal }: GatherOptions,
): Promise<readonly ChosenImage[]> {
  if (openSource === undefined) throw new OptionInvalidError("openSource", "it is missing");
  const tag = named ?? (digest === undefined ? "latest" : undefined);
  const store = openSource(origin);
  const { descriptor } = await store.fetchManifest(digest ?? tag ?? "latest", { signal });
  const root = { digest: descriptor.digest };
  const name = nameOf({ origin, root, tag });
  const found: ChosenImage[] = [{ name, origin, ...(tag ? { tag } : {}), root, store }];
  for (const subject of found) {
    for (const { digest: own } of await listReferrers(store, subject.root.digest, signal)) {
      if (found.some((one) => one.root.digest === own)) continue;
      const referrer = { origin, root: { digest: own }, store, subject: subject.root.digest };
      found.push({ ...referrer, name: nameOf({ ...referrer, tag: undefined }) });
    }
  }
  return found;
}

async function listReferrers(
  store: SourceRepository,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  try {
    return await store.referrers(digest, { signal });
  } catch (error) {
    // A registry that has no list of them has none of them
    if (isMissing(error)) return [];
    throw error;
  }
}

function isRoot({ subject }: ChosenImage): boolean {
  return subject === undefined;
}
