import type { ImageContents, ImageKind } from "../../contents/contents.ts";
import type { Notice } from "../../notice.ts";
import { type CosignSuffix, formatCosignTag, tagPrefixOf } from "../../oci/cosign-tag.ts";
import type { Digest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { type ManifestDocument, parseManifest } from "../../oci/manifest.ts";
import { isManifestType, MEDIA_TYPE } from "../../oci/media-type.ts";
import { isWantedType, typesOf } from "../../oci/referrer-types.ts";
import { option } from "../../option.ts";
import { ContentMissingError, isMissing } from "../../store/errors.ts";
import type { Manifest, OperationOptions, SourceRepository } from "../../store/store.ts";
import { explainUnread } from "./explain-unread.ts";
import { kindOfReferrer, kindOfSuffix } from "./referrer-kind.ts";
import type { TagSet } from "./tag-sets.ts";

/** A manifest that belongs to another one. */
export interface FoundReferrer {
  readonly manifest: Manifest;
  readonly subject: Digest;
  readonly kind: ImageKind;
  /** What cosign stores it under; missing: it was found by its subject. */
  readonly tag?: string;
}

export interface FindReferrersOptions extends OperationOptions {
  /** The image as its user knows it, for messages. */
  readonly name: string;
  readonly image: ImageContents;
  readonly source: Pick<SourceRepository, "fetchManifest" | "referrers">;
  /** All tags of the source. Undefined where it gives no list: then it is asked for each. */
  readonly listTags: () => Promise<TagSet | undefined>;
  /** Of referrers that are wanted; empty: all of them. */
  readonly types: readonly string[];
  /** Of tags that are looked for. */
  readonly suffixes: readonly CosignSuffix[];
  /** Describes a referrer like any other image; undefined: it is left out, and the user was told. */
  readonly describe: (found: FoundReferrer) => Promise<ImageContents | undefined>;
  readonly onNotice: (notice: Notice) => void;
}

export interface DescribedReferrer {
  readonly found: FoundReferrer;
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
export async function findReferrers(options: FindReferrersOptions): Promise<DescribedReferrer[]> {
  try {
    return await new Search(options).run();
  } catch (error) {
    throw explainUnread(options.name, error);
  }
}

class Search {
  readonly #options: FindReferrersOptions;
  readonly #found = new Map<Digest, DescribedReferrer>();
  readonly #leftOut = new Set<Digest>();
  readonly #asked = new Set<Digest>();

  constructor(options: FindReferrersOptions) {
    this.#options = options;
  }

  async run(): Promise<DescribedReferrer[]> {
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
        for (const found of await this.#referrersOf(subject)) {
          const entered = await this.#enter(found);
          if (entered !== undefined) next.push(entered);
        }
      }
      level = next;
    }
    this.#noteOtherTags(await this.#options.listTags());
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
  async #enter(found: FoundReferrer): Promise<ImageContents | undefined> {
    const { digest } = found.manifest.descriptor;
    const known = this.#found.get(digest);
    if (known !== undefined) {
      const tags = [...new Set([...known.image.tags, ...(found.tag ? [found.tag] : [])])].sort();
      this.#found.set(digest, { ...known, image: { ...known.image, tags } });
      return undefined;
    }
    if (this.#found.size === COUNT_LIMIT) {
      const { name } = this.#options;
      const reason = `it has more than ${COUNT_LIMIT} referrers`;
      throw new ContentInvalidError(`image "${name}"`, reason, LEAVE_OUT);
    }
    if (this.#leftOut.has(digest)) return undefined;
    const image = await this.#options.describe(found);
    if (image === undefined) this.#leftOut.add(digest);
    else this.#found.set(digest, { found, image });
    return image;
  }

  async #referrersOf(subject: Digest): Promise<FoundReferrer[]> {
    if (this.#asked.has(subject)) return [];
    this.#asked.add(subject);
    return [...(await this.#listed(subject)), ...(await this.#tagged(subject))];
  }

  async #listed(subject: Digest): Promise<FoundReferrer[]> {
    const { types } = this.#options;
    const listed: FoundReferrer[] = [];
    for (const { digest, artifactType } of await this.#list(subject)) {
      // A list need not say the type, and some say that of the empty config (cosign 2.5): the manifest does
      const isTold = artifactType && artifactType !== MEDIA_TYPE.emptyConfig;
      if (isTold && !isWantedType(types, [artifactType])) continue;
      const manifest = await this.#fetchListed(digest, subject);
      const document = this.#parse(manifest);
      if (!isWantedType(types, typesOf(document))) continue;
      if (document.subject?.digest !== subject) {
        this.#noteUnrelated(digest, subject);
        continue;
      }
      listed.push({ manifest, subject, kind: kindOfReferrer(document) });
    }
    return listed;
  }

  async #list(subject: Digest) {
    const { listTags, signal, source } = this.#options;
    // Neither waits for the other
    const tags = listTags().then((found) => found?.all);
    // Whoever fails first is heard
    tags.catch(() => undefined);
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

  async #tagged(subject: Digest): Promise<FoundReferrer[]> {
    const { listTags, signal, source, suffixes, types } = this.#options;
    const tags = (await listTags())?.all;
    const tagged: FoundReferrer[] = [];
    for (const suffix of suffixes) {
      const tag = formatCosignTag({ subject, suffix });
      if (tags !== undefined && !tags.has(tag)) continue;
      const manifest = await source.fetchManifest(tag, { signal }).catch((error: unknown) => {
        if (tags === undefined && isMissing(error)) return undefined;
        throw error;
      });
      if (manifest === undefined) continue;
      if (!isWantedType(types, typesOf(this.#parse(manifest)))) continue;
      tagged.push({ manifest, subject, kind: kindOfSuffix(suffix), tag });
    }
    return tagged;
  }

  /** An index that is not taken whole has another digest here: what belongs to the old one belongs to nothing. */
  async #noteLost(): Promise<void> {
    const { image, name } = this.#options;
    const { sourceDigest, root } = image;
    if (sourceDigest === undefined) return;
    const lost = await this.#referrersOf(sourceDigest);
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
}

const LEAVE_OUT = { hint: `Take it without referrers with ${option("noReferrers")}` } as const;

/** Manifests of the source; indexes that were made here have nothing there that belongs to them. */
function manifestsOf({ documents, rewritten = [] }: ImageContents): Digest[] {
  const made = new Set(rewritten.map(({ digest }) => digest));
  return documents
    .filter(({ digest, mediaType }) => isManifestType(mediaType) && !made.has(digest))
    .map(({ digest }) => digest);
}
