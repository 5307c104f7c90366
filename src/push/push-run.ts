import { allSettledOrThrow } from "../all-settled.ts";
import { type BundledGraph, readBundledGraph } from "../bundle/images/bundle-graph.ts";
import { readPointedVersion } from "../bundle/images/pointed-version.ts";
import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import type { ImageKind } from "../contents/contents.ts";
import type { ErrorCode, MirrorError } from "../errors.ts";
import { IMAGE_FAILURES } from "../failure.ts";
import { SYSTEM_CLOCK } from "../io/clock.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import { isChannel } from "../product/channel.ts";
import { hasVersion } from "../product/closure.ts";
import { Batch } from "../run/batch.ts";
import { mapLimited } from "../run/map-limited.ts";
import type { Manifest, MovingRun, TargetRepository } from "../store/store.ts";
import { BlobUploads, type EnsureOptions } from "./blob-uploads.ts";
import {
  danglingChannel,
  isChannelImage,
  refuseAfterFailure,
  type TargetVersion,
  targetVersionOf,
} from "./channel-closure.ts";
import { claimedDigest } from "./claimed-digest.ts";
import { claimsReferrer } from "./claims-referrer.ts";
import { DISCOVERY, discoveryPlaceOf } from "./discovery-place.ts";
import { ContentWithheldError, ReferrerUnlistedError, TagUnconfirmedError } from "./errors.ts";
import { type Follower, isFollower, keyOfImage, Subjects } from "./followers.ts";
import { lookAgain } from "./look-again.ts";
import { ManifestUploads } from "./manifest-uploads.ts";
import { distinctBytes } from "./open-push.ts";
import type { PushImage, PushPlan } from "./plan-push.ts";
import type { PushOptions } from "./push-options.ts";
import { createPlace, type PushPlace } from "./push-place.ts";
import type { PushState } from "./push-state.ts";
import { readTag } from "./read-tag.ts";
import type { Receipt } from "./receipt.ts";
import { nameOf, type Outcome, ReceiptBook } from "./receipt-book.ts";
import { ReferrerLists } from "./referrer-lists.ts";

const DEFAULT_CONCURRENCY = 4;
/** So many images are under way where one large blob is sent: most of what they take is answers. */
const IMAGES_FACTOR = 4;

const NOTHING: MovingRun = { runBytes: 0, busyThreads: 0 };

/** Failures of one image. */
const SINGLE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...IMAGE_FAILURES,
  "BUNDLE_CORRUPT",
  "STORAGE_FAILED",
]);

/** So many repositories that are denied, and nothing that is permitted: the others will not be either. */
const DENIED_LIMIT = 8;

/** Before each further look at a tag that was written and is not there: up to a minute. */
const READ_BACK_WAITS_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** A tag of the target is written after everything it may stand for. A kind without a place does not compile. */
const PUBLISHED_IN: Readonly<Record<ImageKind, 0 | 1 | 2>> = {
  image: 0,
  extra: 0,
  chart: 0,
  file: 0,
  signature: 1,
  attestation: 1,
  sbom: 1,
  referrer: 1,
  "release-channel": 2,
};

/** One image on its way. */
interface Work {
  readonly image: PushImage;
  readonly graph: BundledGraph;
  /** What each tag was before. */
  readonly found: ReadonlyMap<string, Digest | undefined>;
  /** A tag is right, or the target lists it for its subject: it says that all below the root is there. */
  readonly isClaimed: boolean;
  /** Something below the root had to be brought. */
  readonly isChanged: boolean;
}

type FollowerWork = Work & { readonly image: Follower };

/** Looks, transfers and publishes; what became of each image is in the receipt. */
export class PushRun {
  readonly #options: PushOptions;
  readonly #bundle: BundleReader;
  readonly #batch: Batch;
  readonly #blobs: BlobUploads;
  /** Not of the bundle, so not counted. */
  readonly #discovery: BlobUploads;
  readonly #manifests: ManifestUploads;
  /** Images that are being pushed. */
  readonly #atOnce: number;
  readonly #run: MovingRun;
  readonly #repositories = new Map<string, TargetRepository>();
  /** The same by the object that names it, which each blob asks for. */
  readonly #opened = new WeakMap<PushImage["target"], TargetRepository>();
  readonly #book: ReceiptBook;
  readonly #lists: ReferrerLists;
  readonly #denied = new Set<string>();
  /** What tags named before they were moved. */
  readonly #moved: { readonly place: PushPlace; readonly digest: Digest }[] = [];
  #plannedRepositories = 0;

  constructor(options: PushOptions, bundle: BundleReader, state: PushState) {
    const {
      clock = SYSTEM_CLOCK,
      concurrency = DEFAULT_CONCURRENCY,
      trustTarget = false,
    } = options;
    this.#options = options;
    this.#book = new ReceiptBook(options.target);
    this.#bundle = bundle;
    this.#batch = new Batch({ signal: options.signal, singleFailures: SINGLE_FAILURES });
    this.#atOnce = 1 + (concurrency - 1) * IMAGES_FACTOR;
    const common = { openTarget: this.#open, signal: this.#batch.signal, trustTarget, clock };
    this.#run = { runBytes: distinctBytes(bundle), busyThreads: 0 };
    this.#blobs = new BlobUploads({
      ...common,
      ...this.#run,
      concurrency,
      onEvent: options.onEvent ?? (() => {}),
      sessionOf: (reference, digest) => state.sessionOf(reference, digest),
    });
    this.#discovery = new BlobUploads({ ...common, ...NOTHING, concurrency, onEvent: () => {} });
    this.#manifests = new ManifestUploads({ ...common, blobs: this.#blobs });
    this.#lists = new ReferrerLists({
      registry: options.target.registry,
      clock,
      signal: this.#batch.signal,
      waitsMs: READ_BACK_WAITS_MS,
      onNotice: (notice) => options.onEvent?.({ type: "notice", ...notice }),
    });
  }

  async execute({ images, discovery }: PushPlan): Promise<void> {
    this.#plannedRepositories = new Set(images.map(({ repository }) => repository)).size;
    const subjects = new Subjects(images);
    const transferred = await this.#each(images, async (image) => {
      const work = await this.#look(image);
      if (work) subjects.enter(image, work.graph);
      return work && (await this.#transfer(work));
    });
    const ready = await this.#publishFollowers(transferred, subjects);
    for (const step of [0, 1, 2]) {
      const due = ready.filter(({ image }) => PUBLISHED_IN[image.kind] === step);
      await this.#each(due, (work) => this.#publishDue(work));
    }
    for (const { place, digest } of this.#moved) {
      await this.#batch.attempt(
        () => this.#manifests.keep(place, digest),
        (error) => this.#book.addFailure(error, formatReference({ ...place.target, digest })),
      );
    }
    for (const { repository, tag } of discovery) {
      await this.#batch.attempt(
        () => this.#publishDiscovery(discoveryPlaceOf(repository), tag),
        (error) => this.#book.addFailure(error, formatReference({ ...repository, tag })),
      );
    }
    if (this.#batch.fatal !== undefined) throw this.#batch.fatal;
  }

  receipt(bundle: Digest | undefined): Omit<Receipt, "notices"> {
    return this.#book.receipt(bundle, this.#blobs.totals);
  }

  /** The receipt of a run that ended early: what it did not come to has failed. */
  partialReceipt(
    plan: PushPlan,
    cause: unknown,
    bundle: Digest | undefined,
  ): Omit<Receipt, "notices"> {
    this.#book.end(plan, cause);
    return this.receipt(bundle);
  }

  readonly #open = (reference: PushImage["target"]): TargetRepository => {
    const known = this.#opened.get(reference);
    if (known) return known;
    const key = formatReference(reference);
    const repository = this.#repositories.get(key) ?? this.#options.openTarget(reference);
    this.#repositories.set(key, repository);
    this.#opened.set(reference, repository);
    return repository;
  };

  /** Runs a step for all; a failure takes its image out. */
  async #each<Item extends PushImage | Work, Next>(
    items: readonly Item[],
    step: (item: Item) => Promise<Next | undefined>,
  ): Promise<Next[]> {
    const results = await mapLimited(items, this.#atOnce, (item) =>
      this.#batch.attempt(
        () => step(item),
        (error) => this.#fail("image" in item ? item.image : item, error),
      ),
    );
    return results.filter((result): result is Awaited<Next> & Next => result !== undefined);
  }

  #fail(image: PushImage, error: MirrorError): void {
    if (error.code === "REGISTRY_DENIED" && this.#isNothingPermitted(image)) {
      this.#batch.end(error);
      return;
    }
    const [tag] = image.tags;
    const subject = formatReference({ ...image.target, tag, digest: image.root.digest });
    this.#book.addFailure(error, subject);
    this.#book.recordAllFailed(image);
    this.#report(image, "failed");
  }

  #isNothingPermitted({ repository }: PushImage): boolean {
    if (this.#blobs.totals.blobs > 0) return false;
    this.#denied.add(repository);
    return this.#denied.size >= Math.min(this.#plannedRepositories, DENIED_LIMIT);
  }

  #report({ repository, tags, root }: PushImage, outcome: Outcome): void {
    const { digest } = root;
    this.#options.onEvent?.({ type: "image-finished", repository, tags, digest, outcome });
  }

  async #readGraph({ layout, repository, root, tags }: PushImage): Promise<BundledGraph> {
    const subject = `${repository}:${tags[0] ?? root.digest}`;
    const { signal } = this.#batch;
    const graph = await readBundledGraph(this.#bundle, layout, root, { subject, signal });
    for (const { digest } of graph.omitted) {
      const message = `"${subject}" goes without layer ${digest}: it is not for redistribution, and the bundle does not have it`;
      this.#options.onEvent?.({ type: "notice", code: "FOREIGN_LAYER_LEFT_OUT", message });
    }
    return graph;
  }

  /** What the image needs, and what its tags are now. */
  async #look(image: PushImage): Promise<Work | undefined> {
    const graph = await this.#readGraph(image);
    this.#book.noteSize(image, graph);
    const target = this.#open(image.target);
    const tags = image.tags.map(async (tag) => {
      return [tag, await claimedDigest(target, tag, this.#batch.signal)] as const;
    });
    const found = new Map(await Promise.all(tags));
    const isListed = await claimsReferrer(target, image, this.#batch.signal);
    const isClaimed = isListed || [...found.values()].includes(image.root.digest);
    const work = { image, graph, found, isClaimed, isChanged: false };
    if (!isClaimed) target.prepare?.(this.#run);
    if (!this.#options.trustTarget || !isWhollyTagged(work)) return work;
    this.#blobs.countPresent(createPlace(this.#bundle, image), graph.blobs);
    this.#finishThere(work);
    return undefined;
  }

  /**
   * Brings everything below the root: blobs, then manifests from the leaves up. A tag that is right is a claim that all
   * of it is there, and no more: parts may have been lost since.
   */
  async #transfer(work: Work): Promise<Work | undefined> {
    const { image, graph, isClaimed } = work;
    const place = createPlace(this.#bundle, image);
    const blobs = graph.blobs.map((blob) => this.#blobs.ensure(place, blob, { isClaimed }));
    let isChanged = (await allSettledOrThrow(blobs)).includes(true);
    for (const child of graph.children) {
      if (await this.#manifests.ensure(place, child, { isClaimed })) isChanged = true;
    }
    const done = { ...work, isChanged };
    if (!isWhollyTagged(work)) return done;
    this.#finishThere(done);
    return undefined;
  }

  /** All tags are right, and everything below them is there now. */
  #finishThere({ image, isChanged }: Work): void {
    const outcome = isChanged ? "pushed" : "already-there";
    for (const tag of image.tags) this.#book.record(image, tag, outcome, image.root.digest);
    this.#report(image, outcome);
  }

  /**
   * Brings what belongs to others, behind its subject and before any tag of that: who sees an image finds its signatures.
   * The rest, with what has failed taken out.
   */
  async #publishFollowers(works: readonly Work[], subjects: Subjects): Promise<Work[]> {
    const followers = works.flatMap(({ image, ...work }) =>
      isFollower(image) ? [{ ...work, image }] : [],
    );
    const wanted = new Set(followers.flatMap(({ image }) => subjects.of(image).map(keyOfImage)));
    const others = works.filter(({ image }) => !isFollower(image));
    const ready = await this.#each(others, async (work) => {
      const { image, isClaimed } = work;
      if (!wanted.has(keyOfImage(image))) return work;
      await this.#manifests.ensure(createPlace(this.#bundle, image), image.root, { isClaimed });
      return work;
    });
    for (const due of subjects.inOrder(followers)) {
      await this.#each(due, (work) => this.#publishFollower(work, subjects));
    }
    return ready;
  }

  async #publishFollower(work: FollowerWork, subjects: Subjects): Promise<void> {
    const { image } = work;
    const holders = subjects.of(image);
    if (holders.length > 0 && holders.every((one) => this.#book.hasFailed(one))) {
      const reason = `${image.subject}, which it belongs to, is missing in the target`;
      const { repository, root, tags } = image;
      const name = nameOf({ repository, tag: tags[0], planned: root.digest });
      throw new ContentWithheldError(name, reason);
    }
    if (image.tags.length > 0) await this.#publish(work);
    else await this.#publishReferrer(work);
  }

  /** Stores a manifest under its digest, and looks whether it is listed for its subject then. */
  async #publishReferrer({ image, isChanged, isClaimed }: FollowerWork): Promise<void> {
    const { trustTarget = false } = this.#options;
    const { signal } = this.#batch;
    const { root, subject } = image;
    const target = this.#open(image.target);
    const isThere = isClaimed && (trustTarget || (await target.exists(root, { signal })));
    if (!isThere) {
      const place = createPlace(this.#bundle, image);
      await this.#manifests.put(place, await place.readManifest(root), root.digest);
      if (!(await this.#lists.confirm(target, { digest: root.digest, subject }))) {
        const name = formatReference({ ...image.target, digest: root.digest });
        throw new ReferrerUnlistedError(name, subject);
      }
    }
    const outcome = isThere && !isChanged ? "already-there" : "pushed";
    this.#book.record(image, undefined, outcome, root.digest);
    this.#report(image, outcome);
  }

  /** A release channel must not point at a version that is not there; other tags of its image may. */
  async #publishDue(work: Work): Promise<void> {
    const { image } = work;
    if (image.kind === "release-channel") refuseAfterFailure(image, this.#book.images);
    const dangling = isChannelImage(image) ? await this.#findDangling(work) : undefined;
    if (dangling === undefined) return await this.#publish(work);
    const rest = { ...image, tags: image.tags.filter((tag) => !isChannel(tag)) };
    if (rest.tags.length > 0) await this.#publish({ ...work, image: rest });
    const channels = { ...image, tags: image.tags.filter(isChannel) };
    this.#fail(channels, danglingChannel(channels, dangling));
  }

  /** The version that the image points at, if neither the bundle nor the target has it. */
  async #findDangling({ image, graph }: Work): Promise<TargetVersion | undefined> {
    const [bundle, { signal }] = [this.#bundle, this.#batch];
    const version = await readPointedVersion({ bundle, layout: image.layout, graph, signal });
    if (version === undefined) return undefined;
    const place = targetVersionOf(image, version);
    const arrived = this.#book.images
      .filter(({ outcome }) => outcome !== "failed")
      .map(({ repository, tag }) => ({ repository, tags: tag === undefined ? [] : [tag] }));
    if (hasVersion(arrived, place)) return undefined;
    const target = this.#open(place.target);
    for (const tag of place.tags) if (await claimedDigest(target, tag, signal)) return undefined;
    return place;
  }

  /** Writes the tags that are not right yet and reads them back; one that fails does not keep the others away. */
  async #publish({ image, found, isChanged }: Work): Promise<void> {
    const place = createPlace(this.#bundle, image);
    const manifest = await place.readManifest(image.root);
    let isRight = true;
    for (const tag of image.tags) {
      if (found.get(tag) === image.root.digest) {
        this.#book.record(image, tag, isChanged ? "pushed" : "already-there", image.root.digest);
        continue;
      }
      await this.#batch.attempt(
        async () => {
          await this.#writeTag(place, manifest, tag);
          this.#book.record(image, tag, "pushed", image.root.digest);
          const before = found.get(tag);
          if (before !== undefined) this.#moved.push({ place, digest: before });
        },
        (error) => {
          isRight = false;
          this.#book.addFailure(error, formatReference({ ...image.target, tag }));
          const read = error instanceof TagUnconfirmedError ? error.found : undefined;
          this.#book.record(image, tag, "failed", read);
        },
      );
    }
    if (this.#batch.fatal === undefined) this.#report(image, isRight ? "pushed" : "failed");
  }

  async #writeTag(place: PushPlace, manifest: Manifest, tag: string): Promise<void> {
    const { clock = SYSTEM_CLOCK } = this.#options;
    const { signal } = this.#batch;
    await this.#manifests.put(place, manifest, tag);
    const target = this.#open(place.target);
    const look = () => readTag(target, tag, signal);
    const found = await lookAgain(look, { clock, signal, waitsMs: READ_BACK_WAITS_MS });
    const planned = manifest.descriptor.digest;
    if (found === planned) return;
    throw new TagUnconfirmedError(formatReference({ ...place.target, tag }), { planned, found });
  }

  /** `<repo>/modules:<name>`: how clusters and later pulls find the modules; packages and plugins likewise. */
  async #publishDiscovery(place: PushPlace, tag: string): Promise<void> {
    const { manifest, blobs } = DISCOVERY;
    const { trustTarget = false } = this.#options;
    const found = await claimedDigest(this.#open(place.target), tag, this.#batch.signal);
    const options: EnsureOptions = { isClaimed: found === manifest.descriptor.digest };
    if (options.isClaimed && trustTarget) return;
    for (const { descriptor } of blobs) await this.#discovery.ensure(place, descriptor, options);
    if (!options.isClaimed) await this.#writeTag(place, manifest, tag);
  }
}

function isWhollyTagged({ image, found }: Work): boolean {
  return image.tags.length > 0 && image.tags.every((tag) => found.get(tag) === image.root.digest);
}
