import { formatCosignTag } from "../../oci/cosign-tag.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { isIndexType, isManifestType } from "../../oci/media-type.ts";
import { walkGraph } from "../../store/walk.ts";
import type { LayoutTable } from "../format/layout-table.ts";
import type { BundleReader } from "../read/bundle-reader.ts";
import type { BundledReferrer, BundledTag, BundledTags, UnnamedManifest } from "./bundled-tags.ts";
import { damaged } from "./damaged.ts";
import { besideSource, isImageByKind, partKindOf } from "./part-kinds.ts";
import { findUnlistedReferrers } from "./unlisted-referrers.ts";

export interface AdoptOptions {
  /** Whether what is left without a tag, if it is one image, gets one. */
  readonly hasTag: boolean;
}

/**
 * Other programs (oras, cosign, regctl) name an image in a layout and leave what belongs to it without a name, or name it
 * as registries without a list of referrers do. Each gets the place of what it belongs to; manifests that are parts of
 * named ones need none.
 */
export async function adoptUntagged(
  reader: BundleReader,
  bundled: BundledTags,
  options: AdoptOptions,
): Promise<BundledTags> {
  if (reader.manifest) return bundled;
  const layouts = new Set([...bundled.tags, ...bundled.unnamed].map(({ layout }) => layout));
  let all = bundled;
  for (const layout of layouts) {
    const isHere = (one: { readonly layout: LayoutTable }) => one.layout === layout;
    const [unnamed, tags] = [all.unnamed.filter(isHere), all.tags.filter(isHere)];
    if (unnamed.length === 0 && !tags.some(isFallback)) continue;
    const isCosign = unnamed.some(isCosignImage);
    const listed = new Set(unnamed.map(({ digest }) => digest));
    const unlisted = isCosign ? await findUnlistedReferrers(reader, layout) : [];
    const own = [...unnamed, ...unlisted.filter(({ digest }) => !listed.has(digest))];
    const found = await new Adoption(reader, layout, options).run(tags, own);
    const others = <Item extends { readonly layout: LayoutTable }>(items: readonly Item[]) =>
      items.filter((one) => one.layout !== layout);
    all = {
      ...all,
      tags: [...others(all.tags), ...found.tags],
      referrers: [...all.referrers, ...found.referrers],
      unnamed: [...others(all.unnamed), ...found.unnamed],
    };
  }
  return all;
}

class Adoption {
  readonly #reader: BundleReader;
  readonly #layout: LayoutTable;
  readonly #options: AdoptOptions;
  /** The repositories in which a manifest will be. */
  readonly #places = new Map<Digest, Set<string>>();
  /** References of images, by repository: what belongs to them came from there too. */
  readonly #sources = new Map<string, string>();

  constructor(reader: BundleReader, layout: LayoutTable, options: AdoptOptions) {
    this.#reader = reader;
    this.#layout = layout;
    this.#options = options;
  }

  async run(
    tags: readonly BundledTag[],
    unnamed: readonly UnnamedManifest[],
  ): Promise<BundledTags> {
    const images = tags.filter((one) => !isFallback(one));
    for (const { repository, root, source } of images) {
      this.#sources.set(repository, source);
      await this.#place(root, repository);
    }
    const { parts, rest } = this.#cosignParts(unnamed);
    const subjects = await this.#subjectsOf(rest);
    const left = rest.filter((one) => !subjects.has(one.digest) && !this.#places.has(one.digest));
    const [only, ...others] = left;
    const isNamed = this.#options.hasTag && only !== undefined && others.length === 0;
    if (isNamed) await this.#place(only.descriptor, this.#layout.repository);
    const fallbacks = await this.#referrersBehind(tags.filter(isFallback));
    const referrers = [...fallbacks.referrers, ...(await this.#referrersOf(rest, subjects))];
    const adopted = new Set(referrers.map(({ root }) => root.digest));
    const isLeft = ({ digest }: UnnamedManifest) =>
      !adopted.has(digest) && (!this.#places.has(digest) || (isNamed && digest === only.digest));
    return {
      tags: [...images, ...fallbacks.kept, ...(isNamed ? parts.map(({ tag }) => tag) : [])],
      referrers,
      unnamed: [...rest.filter(isLeft), ...(isNamed ? [] : parts.map(({ manifest }) => manifest))],
    };
  }

  /** Notes where a manifest goes, with all below it. */
  async #place(root: Descriptor, repository: string): Promise<void> {
    for (const { digest } of await this.#manifestsOf(root)) {
      const known = this.#places.get(digest) ?? new Set();
      this.#places.set(digest, known.add(repository));
    }
  }

  #cosignParts(unnamed: readonly UnnamedManifest[]) {
    const [image, ...others] = unnamed.filter(isCosignImage);
    if (image === undefined || others.length > 0) return { parts: [], rest: unnamed };
    const parts = unnamed.flatMap((manifest) => {
      const part = partKindOf(manifest.descriptor);
      if (part === undefined) return [];
      const tag = formatCosignTag({ subject: image.digest, suffix: part.suffix });
      return [{ manifest, tag: this.#toTag(manifest.descriptor, tag, part.kind) }];
    });
    const taken = new Set(parts.map(({ manifest }) => manifest));
    return { parts, rest: unnamed.filter((one) => !taken.has(one)) };
  }

  #toTag(root: Descriptor, tag: string, kind: BundledTag["kind"]): BundledTag {
    const [layout, { repository }] = [this.#layout, this.#layout];
    return { layout, repository, tag, root, kind, source: "", isBare: true };
  }

  async #subjectsOf(unnamed: readonly UnnamedManifest[]): Promise<Map<Digest, Digest>> {
    const subjects = new Map<Digest, Digest>();
    for (const { digest, descriptor } of unnamed) {
      const [root] = await this.#manifestsOf(descriptor);
      if (root?.subject !== undefined) subjects.set(digest, root.subject);
    }
    return subjects;
  }

  /** Those whose subject has a place, and those that belong to them, and so on. */
  async #referrersOf(
    rest: readonly UnnamedManifest[],
    subjects: ReadonlyMap<Digest, Digest>,
  ): Promise<BundledReferrer[]> {
    const found: BundledReferrer[] = [];
    const waiting = new Set(rest.filter(({ digest }) => subjects.has(digest)));
    for (let before = -1; before !== waiting.size; ) {
      before = waiting.size;
      for (const one of waiting) {
        const subject = subjects.get(one.digest);
        const referrers = subject ? await this.#toReferrers(one.descriptor, subject) : [];
        if (referrers.length > 0) waiting.delete(one);
        found.push(...referrers);
      }
    }
    return found;
  }

  async #toReferrers(root: Descriptor, subject: Digest): Promise<BundledReferrer[]> {
    const repositories = [...(this.#places.get(subject) ?? [])];
    for (const repository of repositories) await this.#place(root, repository);
    return repositories.map((repository) => {
      const source = besideSource(this.#sources.get(repository) ?? "", root);
      return { layout: this.#layout, repository, root, kind: "referrer", subject, source };
    });
  }

  /** The index of a fallback tag is made anew where a target needs it: it may have one with more in it. */
  async #referrersBehind(tags: readonly BundledTag[]) {
    const referrers: BundledReferrer[] = [];
    const kept: BundledTag[] = [];
    for (const one of tags) {
      const subject = subjectOfFallback(one.tag);
      const [, ...children] = await this.#manifestsOf(one.root);
      const isList = children.length > 0 && children.every((child) => child.subject === subject);
      if (subject === undefined || !isList || !this.#places.has(subject)) kept.push(one);
      else {
        for (const { descriptor } of children)
          referrers.push(...(await this.#toReferrers(descriptor, subject)));
      }
    }
    return { referrers, kept };
  }

  /** The root first; none of what is damaged or missing, which `verify` tells and a push of it refuses. */
  async #manifestsOf(root: Descriptor) {
    if (!isManifestType(root.mediaType)) return [];
    const subject = `manifest ${root.digest}`;
    const read = async ({ digest }: Descriptor) => {
      if (!this.#layout.blobs.has(digest)) return undefined;
      return await this.#reader.readDocument(this.#layout, digest).catch(damaged);
    };
    const graph = await walkGraph(root, { read, subject }).catch(damaged);
    return (graph?.manifests ?? []).map(({ descriptor, document }) => {
      return { digest: descriptor.digest, descriptor, subject: document.subject?.digest };
    });
  }
}

function isCosignImage({ descriptor }: UnnamedManifest): boolean {
  return isImageByKind(descriptor);
}

function isFallback({ tag, root, isBare }: BundledTag): boolean {
  return isBare === true && isIndexType(root.mediaType) && subjectOfFallback(tag) !== undefined;
}

/** `sha256-ab…` → `sha256:ab…` (distribution-spec, "Referrers Tag Schema"); longer digests are cut there. */
function subjectOfFallback(tag: string): Digest | undefined {
  const subject = tag.replace("-", ":");
  return /^sha256-[0-9a-f]{64}$/.test(tag) && isDigest(subject) ? subject : undefined;
}
