import type { BundleStore, PublishedImage } from "../bundle/images/bundle-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { SourceRepository } from "../store/store.ts";

/** One repository of one namespace, put together from all bundles that have a part of it. */
export interface ServedRepository {
  readonly stores: readonly SourceRepository[];
  readonly tags: ReadonlyMap<string, ServedTag>;
}

export interface ServedTag {
  readonly root: Descriptor;
  readonly store: SourceRepository;
  /** The bundle as its user named it. */
  readonly bundlePath: string;
}

/** Repositories by their path. */
export type ServedRepositories = ReadonlyMap<string, ServedRepository>;

export interface OpenedBundle {
  readonly path: string;
  readonly store: BundleStore;
}

export interface CollectOptions {
  /** Repository of an image in the namespace; undefined: the image is not in it. */
  readonly place: (image: PublishedImage) => string | undefined;
  /** Told of each tag that two bundles have with different content; the later one is taken. */
  readonly onConflict: (conflict: TagConflict) => void;
}

export interface TagConflict {
  /** `repository:tag` */
  readonly image: string;
  readonly first: ServedTag;
  readonly second: ServedTag;
}

/** The repositories of one namespace; later bundles add to earlier ones. */
export function collectRepositories(
  bundles: readonly OpenedBundle[],
  { place, onConflict }: CollectOptions,
): ServedRepositories {
  const repositories = new Map<
    string,
    { stores: Set<SourceRepository>; tags: Map<string, ServedTag> }
  >();
  for (const { path: bundlePath, store } of bundles) {
    for (const image of store.images) {
      const name = place(image);
      if (name === undefined) continue;
      const found = repositories.get(name) ?? { stores: new Set(), tags: new Map() };
      repositories.set(name, found);
      const repository = store.repository(image.repository);
      found.stores.add(repository);
      const first = found.tags.get(image.tag);
      const second = { root: image.root, store: repository, bundlePath };
      found.tags.set(image.tag, second);
      if (first && first.root.digest !== second.root.digest) {
        onConflict({ image: `${name}:${image.tag}`, first, second });
      }
    }
  }
  return new Map(
    [...repositories].map(([name, { stores, tags }]) => [name, { stores: [...stores], tags }]),
  );
}
