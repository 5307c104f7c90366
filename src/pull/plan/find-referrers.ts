import type { ImageContents, ImageKind } from "../../contents/contents.ts";
import type { Notice } from "../../notice.ts";
import { COSIGN_SUFFIXES, formatCosignTag, tagPrefixOf } from "../../oci/cosign-tag.ts";
import type { Digest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { type ManifestDocument, parseManifest } from "../../oci/manifest.ts";
import { isManifestType } from "../../oci/media-type.ts";
import { formatReference } from "../../oci/reference.ts";
import { option } from "../../option.ts";
import { isWantedType } from "../../selection/grammar/referrer-types.ts";
import type { Selection } from "../../selection/grammar/selection.ts";
import type { Root } from "../../selection/resolve/root.ts";
import { ContentMissingError, isMissing } from "../../store/errors.ts";
import type { Manifest, OperationOptions, SourceRepository } from "../../store/store.ts";
import { kindOfReferrer, kindOfSuffix, typesOf } from "./referrer-kind.ts";
import type { TagSet, TagSets } from "./tag-sets.ts";

export interface FindReferrersOptions extends OperationOptions {
  /** The image as its user knows it, for messages. */
  readonly name: string;
  readonly root: Root;
  readonly image: ImageContents;
  readonly source: SourceRepository;
  readonly selection: Selection;
  readonly tagSets: TagSets;
  /** Describes a referrer like any other root. */
  readonly describe: (root: Root) => Promise<ImageContents>;
  readonly onNotice: (notice: Notice) => void;
}

export interface PlacedImage {
  readonly root: Root;
  readonly image: ImageContents;
}

/** Far above any image that was seen: lists are made by whoever may write to the source. */
const COUNT_LIMIT = 1000;

/** A signature of the bill of materials of a signature and so on. */
const DEPTH_LIMIT = 8;

/**
 * What belongs to an image, to its children and to what was found so: OCI referrers, and what cosign stores under tags of
 * its own. That there is none is an answer; any other failure is one of the image.
 */
export async function findReferrers(options: FindReferrersOptions): Promise<PlacedImage[]> {
  if (options.selection.skipReferrers) return [];
  return await new Search(options).run();
}

class Search {
  readonly #options: FindReferrersOptions;
  readonly #found = new Map<Digest, PlacedImage>();
  readonly #asked = new Set<Digest>();

  constructor(options: FindReferrersOptions) {
    this.#options = options;
  }

  async run(): Promise<PlacedImage[]> {
    const { image, name } = this.#options;
    await this.#noteLost();
    let level: readonly ImageContents[] = [image];
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > DEPTH_LIMIT) {
        const reason = `its referrers have referrers more than ${DEPTH_LIMIT} levels deep`;
        throw new ContentInvalidError(`image "${name}"`, reason, LEAVE_OUT);
      }
      const next: ImageContents[] = [];
      for (const subject of level.flatMap(manifestsOf)) {
        for (const root of await this.#rootsOf(subject)) {
          const placed = await this.#enter(root);
          if (placed !== undefined) next.push(placed);
        }
      }
      level = next;
    }
    this.#noteOtherTags(await this.#tagsOfSource());
    return [...this.#found.values()];
  }

  /** Whatever else is named after a manifest, such as the sources of an image: nobody knows how much that is. */
  #noteOtherTags(tags: TagSet | undefined): void {
    const left = [...this.#asked].flatMap((digest) => tags?.others.get(tagPrefixOf(digest)) ?? []);
    if (left.length === 0) return;
    const message = `"${this.#options.name}" does not bring the tags ${left.sort().join(", ")}, which are named after its manifests: ask for them as for images`;
    this.#options.onNotice({ code: "DIGEST_TAGS_LEFT_OUT", message });
  }

  /** Describes what is new. */
  async #enter(root: Root): Promise<ImageContents | undefined> {
    const { digest } = root.manifest.descriptor;
    const known = this.#found.get(digest);
    if (known !== undefined) {
      const tags = [...new Set([...known.image.tags, ...root.tags])].sort();
      this.#found.set(digest, { ...known, image: { ...known.image, tags } });
      return undefined;
    }
    if (this.#found.size === COUNT_LIMIT) {
      const { name } = this.#options;
      const reason = `it has more than ${COUNT_LIMIT} referrers`;
      throw new ContentInvalidError(`image "${name}"`, reason, LEAVE_OUT);
    }
    const image = await this.#options.describe(root);
    this.#found.set(digest, { root, image });
    return image;
  }

  async #rootsOf(subject: Digest): Promise<Root[]> {
    if (this.#asked.has(subject)) return [];
    this.#asked.add(subject);
    return [...(await this.#listedRoots(subject)), ...(await this.#taggedRoots(subject))];
  }

  async #listedRoots(subject: Digest): Promise<Root[]> {
    const roots: Root[] = [];
    for (const { digest, artifactType } of await this.#list(subject)) {
      const { referrerTypes } = this.#options.selection;
      // A list need not say the type, the manifest does
      if (artifactType && !isWantedType(referrerTypes, [artifactType])) continue;
      const manifest = await this.#fetchListed(digest, subject);
      const document = this.#parse(manifest);
      if (!isWantedType(referrerTypes, typesOf(document))) continue;
      if (document.subject?.digest !== subject) {
        this.#noteUnrelated(digest, subject);
        continue;
      }
      roots.push(this.#toRoot({ manifest, subject, kind: kindOfReferrer(document) }));
    }
    return roots;
  }

  async #list(subject: Digest) {
    const { signal, source } = this.#options;
    const tags = (await this.#tagsOfSource())?.all;
    try {
      return await source.referrers(subject, { tags, signal });
    } catch (error) {
      // Nothing is known of it there: there is nothing to take
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #fetchListed(digest: Digest, subject: Digest): Promise<Manifest> {
    const { name, signal, source } = this.#options;
    try {
      return await source.fetchManifest(digest, { signal });
    } catch (error) {
      if (!isMissing(error)) throw error;
      const reason = `the source lists ${digest} as a referrer of ${subject} and does not have it`;
      throw new ContentMissingError(`image "${name}"`, reason, { ...LEAVE_OUT, cause: error });
    }
  }

  async #taggedRoots(subject: Digest): Promise<Root[]> {
    const { root, selection, signal, source } = this.#options;
    const tags = (await this.#tagsOfSource())?.all;
    const roots: Root[] = [];
    for (const suffix of COSIGN_SUFFIXES) {
      // Of what the product publishes, attestations are the selection's to take
      if (suffix === "att" && !selection.vex && root.packageKind !== "images") continue;
      const tag = formatCosignTag({ subject, suffix });
      if (tags !== undefined && !tags.has(tag)) continue;
      const manifest = await source.fetchManifest(tag, { signal }).catch((error: unknown) => {
        if (tags === undefined && isMissing(error)) return undefined;
        throw error;
      });
      if (manifest === undefined) continue;
      if (!isWantedType(selection.referrerTypes, typesOf(this.#parse(manifest)))) continue;
      roots.push(this.#toRoot({ manifest, subject, kind: kindOfSuffix(suffix), tag }));
    }
    return roots;
  }

  /** Undefined where the source gives no list: then it is asked for each tag. */
  async #tagsOfSource(): Promise<TagSet | undefined> {
    const { root, selection, signal, source, tagSets } = this.#options;
    const isProxied =
      selection.proxyRegistry && root.origin.registry === selection.source?.registry;
    return isProxied ? undefined : await tagSets.of(root.origin, source, { signal });
  }

  /** An index that is not taken whole has another digest here: what belongs to the old one belongs to nothing. */
  async #noteLost(): Promise<void> {
    const { image, name } = this.#options;
    const { sourceDigest, root } = image;
    if (sourceDigest === undefined) return;
    const lost = await this.#rootsOf(sourceDigest);
    if (lost.length === 0) return;
    const digests = lost.map(({ manifest }) => manifest.descriptor.digest).join(", ");
    const message = `"${name}" is taken without ${digests}: they belong to ${sourceDigest}, which becomes ${root.digest} without what is left out of it`;
    this.#options.onNotice({ code: "REFERRERS_LEFT_OUT", message });
  }

  #noteUnrelated(digest: Digest, subject: Digest): void {
    const message = `"${this.#options.name}" is taken without ${digest}: the source lists it as a referrer of ${subject}, and it says that it is none`;
    this.#options.onNotice({ code: "REFERRER_UNRELATED", message });
  }

  #parse({ bytes, descriptor: { digest, mediaType } }: Manifest): ManifestDocument {
    return parseManifest(bytes, mediaType, `${digest} of image "${this.#options.name}"`);
  }

  #toRoot({ manifest, subject, kind, tag }: FoundReferrer): Root {
    const { pointsAt: _, ...root } = this.#options.root;
    const { digest } = manifest.descriptor;
    const tags = tag === undefined ? [] : [tag];
    return { ...root, tags, kind, subject, reference: tag ?? digest, manifest };
  }
}

const LEAVE_OUT = { hint: `Take it without referrers with ${option("noReferrers")}` } as const;

interface FoundReferrer {
  readonly manifest: Manifest;
  readonly subject: Digest;
  readonly kind: ImageKind;
  readonly tag?: string;
}

/** Manifests of the source; indexes that were made here have nothing there that belongs to them. */
function manifestsOf({ documents, rewritten = [] }: ImageContents): Digest[] {
  const made = new Set(rewritten.map(({ digest }) => digest));
  return documents
    .filter(({ digest, mediaType }) => isManifestType(mediaType) && !made.has(digest))
    .map(({ digest }) => digest);
}

/** One image for each place and digest, with the tags of all that are the same; what belongs to others says so. */
export function mergePlaced(placed: readonly PlacedImage[]): PlacedImage[] {
  const merged = new Map<string, PlacedImage>();
  for (const one of placed) {
    const { origin, layout, packageName } = one.root;
    const key = [
      packageName,
      layout,
      formatReference({ ...origin, digest: one.image.root.digest }),
    ];
    const known = merged.get(key.join("\0"));
    merged.set(key.join("\0"), known ? merge(known, one) : one);
  }
  return [...merged.values()];
}

function merge(left: PlacedImage, right: PlacedImage): PlacedImage {
  const tags = [...new Set([...left.image.tags, ...right.image.tags])].sort();
  const belonging = [left, right].find(({ image }) => image.subject !== undefined)?.image;
  // What was asked for by its name stays where that puts it
  const base = left.image.subject === undefined ? left : right;
  const { kind, subject } = belonging ?? base.image;
  const about = subject === undefined ? { kind } : { kind, subject };
  return { root: base.root, image: { ...base.image, tags, ...about } };
}
