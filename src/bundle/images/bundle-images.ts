import { join } from "node:path";
import type { ImageKind } from "../../contents/contents.ts";
import { type Descriptor, parseDescriptor } from "../../oci/descriptor.ts";
import { isDigest, parseDigest } from "../../oci/digest.ts";
import { ContentInvalidError, ReferenceInvalidError } from "../../oci/errors.ts";
import { isRepositoryName, isTag, parseReference } from "../../oci/reference.ts";
import { parseStrictJson } from "../../oci/strict-json.ts";
import { targetPathOf } from "../../oci/target-path.ts";
import { holdsReleases } from "../../product/layouts.ts";
import { BundleCorruptError } from "../errors.ts";
import { ANNOTATION, BUNDLE_MANIFEST_FILE } from "../format/format.ts";
import type { LayoutTable } from "../format/layout-table.ts";
import type { BundleManifest } from "../read/bundle-manifest.ts";
import type { BundleReader } from "../read/bundle-reader.ts";
import type { BundledReferrer, BundledTag, BundledTags, UnnamedManifest } from "./bundled-tags.ts";
import { renameParts } from "./part-kinds.ts";
import { findRepeated } from "./repeated-names.ts";

/**
 * What every `index.json` of a bundle publishes. With a `bundle.json` both must say the same, or the bundle is
 * corrupt: the layouts are what other programs read, the manifest is what the receipt is compared with.
 */
export async function readBundledTags(reader: BundleReader): Promise<BundledTags> {
  const tags: BundledTag[] = [];
  const referrers: BundledReferrer[] = [];
  const unnamed: UnnamedManifest[] = [];
  for (const layout of reader.layouts) {
    const found = await readLayoutTags(reader, layout);
    tags.push(...found.tags);
    referrers.push(...found.referrers);
    unnamed.push(...found.unnamed);
  }
  if (!reader.manifest) {
    const kept = keepLast(tags);
    const { clash, repeated } = findRepeated(tags, kept);
    if (clash) throw clash;
    return { tags: kept, referrers, unnamed, repeated };
  }
  const { kinds, differences } = compareTags(reader.manifest, [...tags, ...referrers]);
  const [difference] = differences;
  if (difference) {
    const path = join(reader.listing.directory, BUNDLE_MANIFEST_FILE);
    throw new BundleCorruptError({ path, offset: 0 }, difference.reason);
  }
  return {
    tags: tags.map((tag) => ({ ...tag, kind: kinds.get(keyOf(tag)) ?? tag.kind })),
    referrers: referrers.map((one) => ({ ...one, kind: kinds.get(keyOf(one)) ?? one.kind })),
    unnamed,
  };
}

/** What one `index.json` publishes. */
export async function readLayoutTags(
  reader: BundleReader,
  layout: LayoutTable,
): Promise<BundledTags> {
  const location = reader.locate(layout.index ?? { package: layout.package, offset: 0 });
  const subject = `index.json of layout "${layout.path}"`;
  const corrupt = (reason: string, options?: ErrorOptions) =>
    new BundleCorruptError(location, `${subject}: ${reason}`, options);
  try {
    const bytes = await reader.readIndex(layout);
    const document = parseStrictJson(bytes, subject) as { readonly manifests?: unknown };
    // Programs in Go write an empty list as null; where nothing is written, something is missing
    const manifests = document?.manifests === null ? [] : document?.manifests;
    if (!Array.isArray(manifests)) {
      throw corrupt(manifests === undefined ? "manifests is missing" : "manifests is not an array");
    }
    const roots = manifests.map((value, position) =>
      parseDescriptor(value, `manifests[${position}]`),
    );
    const read = entryReaderOf(reader, layout, roots);
    const found = roots.map((root) => read(layout, root));
    const named = found.filter((item) => "root" in item);
    const known = new Set(named.map(({ root }) => root.digest));
    const unnamed = found.filter((item) => "digest" in item);
    const tags = named.filter((item) => "tag" in item);
    const referrers = named.filter((item) => "subject" in item);
    const others = unnamed.filter(({ digest }) => !known.has(digest));
    if (reader.manifest) return { tags, referrers, unnamed: others };
    const renamed = renameParts(withoutDigestNames(tags));
    return { tags: renamed.tags, referrers, unnamed: [...others, ...renamed.unnamed] };
  } catch (error) {
    if (error instanceof BundleCorruptError) throw error;
    if (error instanceof ContentInvalidError)
      throw corrupt(reasonWithin(subject, error), { cause: error });
    throw corrupt(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function entryReaderOf(
  { manifest }: BundleReader,
  layout: LayoutTable,
  roots: readonly Descriptor[],
): (layout: LayoutTable, root: Descriptor) => LayoutEntry {
  // Only a layout that the path routes has short tags, and only one at the root can do without
  if (roots.some((root) => shortTagOf(root) !== undefined)) return toRoutedTag;
  // A directory of another program's layout is packed with its own name, which says nothing of images with full names
  const isNamed = layout.repository === "" || (!manifest && roots.some(hasFullName));
  if (!isNamed) return toRoutedTag;
  return manifest ? toNamedTag : toForeignTag;
}

/** Archives for containerd name an image by its digest beside its tag: that is no other tag of it. */
function withoutDigestNames(tags: readonly BundledTag[]): readonly BundledTag[] {
  const isDigestName = ({ root, tag }: BundledTag) => root.digest.endsWith(`:${tag}`);
  const imageOf = ({ repository, root }: BundledTag) => `${repository}@${root.digest}`;
  const tagged = new Set(tags.filter((one) => !isDigestName(one)).map(imageOf));
  return tags.filter((one) => !(isDigestName(one) && tagged.has(imageOf(one))));
}

/** `manifests[3]: its size is …`: a part of the subject is named, the subject itself is not named twice. */
function reasonWithin(subject: string, error: ContentInvalidError): string {
  return error.subject === subject ? error.reason : `${error.subject}: ${error.reason}`;
}

function shortTagOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[ANNOTATION.shortTag];
}

type LayoutEntry = BundledTag | BundledReferrer | UnnamedManifest;

/** The path of the layout is the repository, the short tag is the tag. */
function toRoutedTag(layout: LayoutTable, root: Descriptor): LayoutEntry {
  const tag = shortTagOf(root);
  if (tag === undefined) {
    return toReferrer(layout, root, layout.repository) ?? toBareTag(layout, root);
  }
  if (!isTag(tag)) throw new Error(`"${tag}" is not a tag`);
  const { repository } = layout;
  // Channels are published last, so they must be known where no `bundle.json` tells
  const kind = holdsReleases(repository) ? "release-channel" : "image";
  return { layout, repository, tag, root, kind, source: sourceOf(root) };
}

/** The full reference says everything (docs/bundle-format.md, "images.tar"). */
function toNamedTag(layout: LayoutTable, root: Descriptor): LayoutEntry {
  if (!hasFullName(root)) return toBareTag(layout, root);
  const source = sourceOf(root);
  const { tag, digest, ...repository } = parseReference(source);
  const path = targetPathOf(repository);
  if (!isRepositoryName(path)) throw new Error(`"${source}" has no place below a target`);
  const referrer = tag === undefined ? toReferrer(layout, root, path) : undefined;
  if (referrer !== undefined) return referrer;
  const name = tag ?? (digest ? parseDigest(digest).encoded : "latest");
  return { layout, repository: path, tag: name, root, kind: "image", source };
}

/** Other programs take any text for a name (`branch:of:mine`): what cannot be a reference says no place. */
function toForeignTag(layout: LayoutTable, root: Descriptor): LayoutEntry {
  try {
    return toNamedTag(layout, root);
  } catch (error) {
    if (!(error instanceof ReferenceInvalidError)) throw error;
    return { layout, digest: root.digest, descriptor: root };
  }
}

/** What has no tag and says what it belongs to; containerd writes such entries too. */
function toReferrer(
  layout: LayoutTable,
  root: Descriptor,
  repository: string,
): BundledReferrer | undefined {
  const subject = root.annotations?.[ANNOTATION.subject];
  if (subject === undefined || !isDigest(subject)) return undefined;
  return { layout, repository, root, kind: "referrer", subject, source: sourceOf(root) };
}

/** A tag without a repository is one of the repository that the layout is. */
function toBareTag(layout: LayoutTable, root: Descriptor): BundledTag | UnnamedManifest {
  const tag = sourceOf(root);
  if (!isTag(tag)) return { layout, digest: root.digest, descriptor: root };
  const { repository } = layout;
  return { layout, repository, tag, root, kind: "image", source: "", isBare: true };
}

function hasFullName(root: Descriptor): boolean {
  return /[/:@]/.test(sourceOf(root));
}

function sourceOf({ annotations }: Descriptor): string {
  return annotations?.[ANNOTATION.containerdName] ?? annotations?.[ANNOTATION.refName] ?? "";
}

/**
 * Several descriptors of one name: the last one counts, as the reference system has it. Of bare tags none is lost: they
 * may be those of different layouts.
 */
export function keepLast(tags: readonly BundledTag[]): BundledTag[] {
  const keyed = tags.map((tag) => [tag.isBare ? keyOf(tag) : nameOf(keyOf(tag)), tag] as const);
  return [...new Map(keyed).values()];
}

/** `repository:tag@digest`, or `repository@digest` of what has no tag. */
function keyOf(published: BundledTag | BundledReferrer): string {
  const { repository, root } = published;
  const name = "tag" in published ? `${repository}:${published.tag}` : repository;
  return `${name}@${root.digest}`;
}

export interface ManifestComparison {
  /** Kinds of images by `repository:tag@digest`; of what has no tag by `repository@digest`. */
  readonly kinds: ReadonlyMap<string, ImageKind>;
  readonly differences: readonly ManifestDifference[];
}

interface ManifestDifference {
  /** `repository:tag`, or `repository@digest` */
  readonly image: string;
  readonly reason: string;
}

/** Pure: `bundle.json` and the layouts must publish the same tags for the same digests. */
export function compareTags(
  manifest: BundleManifest,
  found: readonly (BundledTag | BundledReferrer)[],
): ManifestComparison {
  const kinds = new Map<string, ImageKind>();
  for (const { layouts } of manifest.packages) {
    for (const image of layouts.flatMap(({ images }) => images)) {
      const { digest, kind, repository, tags } = image;
      const names = tags.map((tag) => `${repository}:${tag}`);
      for (const name of names.length > 0 ? names : [repository]) {
        kinds.set(`${name}@${digest}`, kind);
      }
    }
  }
  const keys = new Set(found.map(keyOf));
  const missing = [...kinds.keys()]
    .filter((key) => !keys.has(key))
    .map((key) => ({ image: nameOf(key), reason: `it lists ${key}, which no layout has` }));
  const surplus = [...keys]
    .filter((key) => !kinds.has(key))
    .map((key) => ({ image: nameOf(key), reason: `it does not list ${key}, which a layout has` }));
  return { kinds, differences: [...missing, ...surplus] };
}

/** `repository:tag@digest` → `repository:tag`; what has no tag is named by its digest. */
function nameOf(key: string): string {
  const name = key.slice(0, key.indexOf("@"));
  return name.includes(":") ? name : key;
}
