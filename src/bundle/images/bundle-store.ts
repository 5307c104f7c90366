import type { Readable } from "node:stream";
import { checkOptions } from "../../check-options.ts";
import type { Notice } from "../../notice.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { parseReference, type RepositoryReference } from "../../oci/reference.ts";
import { targetPathOf } from "../../oci/target-path.ts";
import type { Manifest, RepositorySource, SourceRepository } from "../../store/store.ts";
import { BundleMissingError } from "../errors.ts";
import type { LayoutTable } from "../format/layout-table.ts";
import { type BundleReader, openBundle } from "../read/bundle-reader.ts";
import { adoptUntagged } from "./adopt-untagged.ts";
import { digestOfBundle } from "./bundle-digest.ts";
import { readBundledTags } from "./bundle-images.ts";
import { noticesOf } from "./bundle-notices.ts";
import type { BundledReferrer, BundledTag, BundledTags } from "./bundled-tags.ts";
import { readInstallerChannels } from "./installer-channels.ts";
import { createLayoutManifests, type LayoutManifests } from "./layout-manifests.ts";

/** A bundle as a set of stores, so that `copy` takes images out of it and a server gives them away. */
export interface BundleStore extends RepositorySource, AsyncDisposable {
  /** Repository paths below the target that the bundle publishes to, sorted. */
  readonly repositories: readonly string[];
  /** Every tag of every repository. */
  readonly images: readonly PublishedImage[];
  /** What has no tag, because clients find it by its subject. */
  readonly referrers: readonly PublishedReferrer[];
  /** What a user should know about the bundle. */
  readonly notices: readonly Notice[];
  /** Of how many packages and files it is made. */
  readonly extent: { readonly packages: number; readonly files: number };
  /** sha256 of `bundle.json`; undefined for bundles of other programs. */
  digest(): Promise<Digest | undefined>;
  /** One of them as a store; a repository that the bundle does not have lacks everything with `CONTENT_MISSING`. */
  repository(path: string): SourceRepository;
}

/** One tag of a bundle, as a store has it. */
export interface PublishedImage {
  /** Path below the target. */
  readonly repository: string;
  readonly tag: string;
  readonly root: Descriptor;
  /** Where it was pulled from, if it was pulled by its name. */
  readonly origin?: RepositoryReference;
  /** The repository that the layout says it came from, also where it is published below another path. */
  readonly source?: RepositoryReference;
}

/** A manifest that belongs to another one of its repository. */
export interface PublishedReferrer extends Omit<PublishedImage, "tag"> {
  readonly subject: Digest;
}

/** Opens a bundle for reading, straight from its files. */
export async function openBundleStore(bundlePath: string): Promise<BundleStore> {
  checkOptions({ bundlePath }, { bundlePath: "text" });
  const reader = await openBundle(bundlePath);
  try {
    const bundled = await adoptUntagged(reader, await readBundledTags(reader), { hasTag: false });
    // The tags that a push sets
    const channels = await readInstallerChannels(reader, bundled.tags);
    return createBundleStore(reader, { ...bundled, tags: [...bundled.tags, ...channels] });
  } catch (error) {
    await reader[Symbol.asyncDispose]();
    throw error;
  }
}

function createBundleStore(
  reader: BundleReader,
  { tags, referrers, unnamed, repeated }: BundledTags,
): BundleStore {
  const all = [...tags, ...referrers];
  const manifests = new Map(
    [...groupBy(all, ({ layout }) => layout)].map(([layout, published]) => [
      layout,
      createLayoutManifests(
        reader,
        layout,
        published.map(({ root }) => root),
      ),
    ]),
  );
  const published = groupBy(tags, ({ repository }) => repository);
  const layouts = groupBy(all, ({ repository }) => repository);
  const opened = new Map<string, SourceRepository>();
  const repositories = [...published.keys()].sort();
  return {
    repositories,
    images: tags.map((tagged) => ({ ...placeOf(tagged), tag: tagged.tag })),
    referrers: referrers.map((one) => ({ ...placeOf(one), subject: one.subject })),
    notices: noticesOf(reader.listing, {
      strayFiles: reader.strayFiles,
      tags: all,
      unnamed,
      repeated,
    }),
    extent: {
      packages: reader.listing.packages.length,
      files: reader.listing.packages.reduce((sum, { files }) => sum + files.length, 0),
    },
    digest: () => digestOfBundle(reader),
    async *listRepositories() {
      yield* repositories;
    },
    repository(path) {
      const tagged = published.get(path) ?? [];
      const places = [...new Set((layouts.get(path) ?? []).map(({ layout }) => layout))];
      const made = { reader, path, tags: tagged, layouts: places, manifests };
      const known = opened.get(path) ?? createRepository(made);
      if (tagged.length > 0) opened.set(path, known);
      return known;
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

function placeOf({
  repository,
  root,
  source,
}: BundledTag | BundledReferrer): Omit<PublishedImage, "tag"> {
  const image = { repository, root };
  if (!source.includes("/")) return image;
  // Only what is named by reference is published below the name of its registry
  const { registry, repository: path } = parseReference(source);
  const from = { registry, repository: path };
  const named = { ...image, source: from };
  return targetPathOf(from) === repository ? { ...named, origin: from } : named;
}

function groupBy<Item, Key>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
): Map<Key, readonly Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? [];
    group.push(item);
    groups.set(keyOf(item), group);
  }
  return groups;
}

interface BundledRepository {
  readonly reader: BundleReader;
  readonly path: string;
  readonly tags: readonly BundledTag[];
  /** Those that hold something of the repository. */
  readonly layouts: readonly LayoutTable[];
  readonly manifests: ReadonlyMap<LayoutTable, LayoutManifests>;
}

function createRepository({
  reader,
  path,
  tags,
  layouts,
  manifests,
}: BundledRepository): SourceRepository {
  const byTag = new Map(tags.map((tagged) => [tagged.tag, tagged]));
  const missing = (reason: string) => new BundleMissingError(reader.listing.directory, reason);

  /** The layout that has the content. */
  function locate(digest: Digest): LayoutTable {
    const layout = layouts.find(({ blobs }) => blobs.has(digest));
    if (!layout) throw missing(`repository "${path}" has no content ${digest}`);
    return layout;
  }

  async function fetchManifest(reference: string): Promise<Manifest> {
    const tagged = byTag.get(reference);
    if (!tagged && !isDigest(reference)) {
      throw missing(`repository "${path}" has no tag "${reference}"`);
    }
    const digest = tagged?.root.digest ?? (reference as Digest);
    const layout = tagged?.layout ?? locate(digest);
    const found = await manifests.get(layout)?.read(digest);
    if (found) return found;
    // A tag whose content is not there is damage, a digest is a question
    if (tagged) reader.placeOf(layout, digest);
    throw missing(`repository "${path}" has no manifest ${digest}`);
  }

  return {
    fetchManifest,
    resolve: async (reference) => (await fetchManifest(reference)).descriptor,
    async fetch(target, { offset, end, signal } = {}): Promise<Readable> {
      signal?.throwIfAborted();
      return reader.openBlob(locate(target.digest), target, { offset, end, verify: "once" });
    },
    exists: async ({ digest, size }) =>
      layouts.some(({ blobs }) => blobs.get(digest)?.size === size),
    async stat(digest) {
      const place = layouts.find(({ blobs }) => blobs.has(digest))?.blobs.get(digest);
      return place && { size: place.size };
    },
    async referrers(subject, { artifactType } = {}) {
      const all = new Map<Digest, Descriptor>();
      for (const layout of layouts) {
        const found = (await manifests.get(layout)?.referrers(subject)) ?? [];
        for (const referrer of found) all.set(referrer.digest, referrer);
      }
      const wanted = (referrer: Descriptor) =>
        artifactType === undefined || referrer.artifactType === artifactType;
      return [...all.values()].filter(wanted);
    },
    async *listTags() {
      if (tags.length === 0) throw missing(`it has no repository "${path}"`);
      yield* byTag.keys();
    },
  };
}
