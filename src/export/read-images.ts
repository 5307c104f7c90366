import { compareTexts } from "../compare-texts.ts";
import type { ImageContents } from "../contents/contents.ts";
import type { Notice } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import { TagSets } from "../pull/plan/tag-sets.ts";
import type { ReadableStore } from "../store/store.ts";
import type { ChosenImage, ChosenImages, FailedImage } from "./choose-images.ts";
import type { PlanExportOptions } from "./export-options.ts";
import { exportedName } from "./exported-image.ts";
import { findFollowers } from "./find-followers.ts";
import { readImage } from "./read-image.ts";
import { isSingleFailure } from "./single-failures.ts";

export interface ReadImages {
  /** An image of several tags is there for each of them. Sorted by name, wherever it comes from. */
  readonly contents: readonly ImageContents[];
  readonly stores: ReadonlyMap<Digest, ReadableStore>;
  readonly notices: readonly Notice[];
  readonly failed: readonly FailedImage[];
}

/** What images are made of, with what belongs to that of them which is exported. */
export async function readImages(
  { images, followers, failed = [] }: ChosenImages,
  options: PlanExportOptions,
): Promise<ReadImages> {
  const reading = new Reading(options, failed);
  for (const image of images) if (!isFollower(image)) await reading.take(image);
  const isMeant = new Set(images);
  let open: readonly ChosenImage[] = [...images, ...followers].filter(isFollower);
  for (;;) {
    open = withoutLost(open, reading);
    const due = open.filter(({ subject }) => reading.hasSubject(subject));
    // Whoever has or wants a signature without its image gets it
    const alone = open.filter((image) => isMeant.has(image));
    const next = due.length > 0 ? due : alone;
    if (next.length === 0) break;
    open = open.filter((image) => !next.includes(image));
    for (const image of next) await reading.take(image);
  }
  return reading;
}

function withoutLost(open: readonly ChosenImage[], reading: Reading): readonly ChosenImage[] {
  const left = open.filter((image) => !reading.leaveLost(image));
  return left.length < open.length ? withoutLost(left, reading) : left;
}

class Reading implements ReadImages {
  readonly stores = new Map<Digest, ReadableStore>();
  readonly notices: Notice[] = [];
  readonly failed: FailedImage[];
  readonly #options: PlanExportOptions;
  /** A cache has other tags of a repository than its registry. */
  readonly #cachedTags = new TagSets();
  readonly #tags = new TagSets();
  readonly #taken = new Map<string, ImageContents>();
  readonly #known = new Map<string, Promise<ImageContents | undefined>>();
  /** What became of indexes that are not exported whole. */
  readonly #cut = new Map<Digest, ImageContents>();

  /** Them, their platforms that are not, and what belongs to those. */
  readonly #leftOut = new Set<Digest>();

  constructor(options: PlanExportOptions, failed: readonly FailedImage[]) {
    this.#options = options;
    this.failed = [...failed];
  }

  get contents(): readonly ImageContents[] {
    return [...this.#taken]
      .sort(([left], [right]) => compareTexts(left, right))
      .map(([, contents]) => contents);
  }

  hasSubject(subject: Digest | undefined): boolean {
    return subject !== undefined && this.stores.has(subject);
  }

  async take(image: ChosenImage): Promise<void> {
    const { notices } = this;
    const read = (one: ChosenImage) => this.#read(one);
    try {
      const contents = await read(image);
      if (contents === undefined) return;
      const { signal } = this.#options;
      const tagSets = image.isPartial ? this.#cachedTags : this.#tags;
      const found = await findFollowers(image, contents, { read, tagSets, notices, signal });
      this.#noteCut(image.root.digest, contents);
      for (const one of [contents, ...found]) this.#keep(one, image.store);
    } catch (error) {
      if (!isSingleFailure(error)) throw error;
      this.failed.push({ error, name: image.name });
    }
  }

  /** What belongs to an index that lost a part belongs to nothing any more, nor does what belongs to that part. */
  leaveLost({ name, root, subject }: ChosenImage): boolean {
    if (subject === undefined || !this.#leftOut.has(subject)) return false;
    this.#leftOut.add(root.digest);
    const contents = this.#cut.get(subject);
    if (contents === undefined) return true;
    const message = `"${exportedName(contents)}" is exported without "${name}": it belongs to ${subject}, which becomes ${contents.root.digest} without what is left out of it`;
    this.notices.push({ code: "REFERRERS_LEFT_OUT", message });
    return true;
  }

  /** Once for each name: what is said of an image that is left out is said once. */
  #read(image: ChosenImage): Promise<ImageContents | undefined> {
    const about = { options: this.#options, notices: this.notices };
    const known = this.#known.get(image.name);
    const reading = known ?? readImage(image, about);
    this.#known.set(image.name, reading);
    return reading;
  }

  #noteCut(digest: Digest, { omitted = [], ...contents }: ImageContents): void {
    for (const one of omitted) this.#leftOut.add(one.digest);
    if (contents.root.digest === digest) return;
    this.#leftOut.add(digest);
    this.#cut.set(digest, contents);
  }

  /** What was named and belongs to another image as well is found twice. */
  #keep(contents: ImageContents, store: ReadableStore): void {
    const name = exportedName(contents);
    if (this.#taken.has(name)) return;
    this.#taken.set(name, contents);
    for (const { digest } of [...contents.documents, ...contents.layers]) {
      this.stores.set(digest, store);
    }
  }
}

function isFollower({ subject }: ChosenImage): boolean {
  return subject !== undefined;
}
