import { allSettledOrThrow } from "../all-settled.ts";
import { type BundledGraph, readBundledGraph } from "../bundle/images/bundle-graph.ts";
import type { ErrorCode } from "../errors.ts";
import { IMAGE_FAILURES } from "../failure.ts";
import { SYSTEM_CLOCK } from "../io/clock.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import { Batch } from "../run/batch.ts";
import type { MovingRun } from "../store/store.ts";
import { claimsReferrer } from "./followers/claims-referrer.ts";
import { Subjects } from "./followers/followers.ts";
import { ImageSteps } from "./image-steps.ts";
import { openOnce } from "./open-once.ts";
import { distinctBytes, type OpenedPush } from "./open-push.ts";
import type { PushImage, PushPlan } from "./plan-push.ts";
import { claimedDigest } from "./publish/claimed-digest.ts";
import { DISCOVERY, discoveryPlaceOf } from "./publish/discovery-place.ts";
import { FollowerPublisher } from "./publish/publish-followers.ts";
import { ImagePublisher } from "./publish/publish-images.ts";
import { writeTag } from "./publish/write-tag.ts";
import type { PushMeans } from "./push-means.ts";
import type { PushOptions } from "./push-options.ts";
import { createPlace } from "./push-place.ts";
import { isWhollyTagged, type LookedWork, type Work } from "./push-work.ts";
import type { Receipt } from "./receipt/receipt.ts";
import { ReceiptBook } from "./receipt/receipt-book.ts";
import { BlobUploads, type EnsureOptions } from "./uploads/blob-uploads.ts";
import { ManifestUploads } from "./uploads/manifest-uploads.ts";
import type { PushState } from "./uploads/push-state.ts";

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

/** Of most images no tag is there before. */
const NOTHING_FOUND: Work["found"] = new Map();

/** Looks, transfers and publishes; what became of each image is in the receipt. */
export class PushRun {
  readonly #plan: PushPlan;
  readonly #means: PushMeans;
  readonly #blobs: BlobUploads;
  /** Not of the bundle, so not counted. */
  readonly #discovery: BlobUploads;
  readonly #run: MovingRun;

  constructor(options: PushOptions, { bundle, plan }: OpenedPush, state: PushState) {
    const {
      clock = SYSTEM_CLOCK,
      concurrency = DEFAULT_CONCURRENCY,
      trustTarget = false,
    } = options;
    this.#plan = plan;
    const book = new ReceiptBook(options.target);
    const batch = new Batch({ signal: options.signal, singleFailures: SINGLE_FAILURES });
    const openTarget = openOnce(options.openTarget);
    const common = { openTarget, signal: batch.signal, trustTarget, clock };
    this.#run = { runBytes: distinctBytes(bundle), busyThreads: 0 };
    this.#blobs = new BlobUploads({
      ...common,
      ...this.#run,
      concurrency,
      onEvent: options.onEvent ?? (() => {}),
      sessionOf: (reference, digest) => state.sessionOf(reference, digest),
    });
    this.#discovery = new BlobUploads({ ...common, ...NOTHING, concurrency, onEvent: () => {} });
    const manifests = new ManifestUploads({ ...common, blobs: this.#blobs });
    const steps = new ImageSteps({
      ...{ batch, book, onEvent: options.onEvent },
      atOnce: 1 + (concurrency - 1) * IMAGES_FACTOR,
      plannedRepositories: new Set(plan.images.map(({ repository }) => repository)).size,
      isSomethingTaken: () => this.#blobs.totals.blobs > 0,
    });
    this.#means = { options, bundle, batch, book, steps, manifests, openTarget };
  }

  async execute(): Promise<void> {
    const { images, discovery } = this.#plan;
    const { batch, book, steps } = this.#means;
    const subjects = new Subjects(images);
    const transferred = await steps.each(images, async (image) => {
      const looked = await this.#look(image);
      if (looked) subjects.enter(image, looked.graph);
      return looked && (await this.#transfer(looked));
    });
    const publisher = new ImagePublisher(this.#means);
    const followers = new FollowerPublisher(this.#means, { subjects, images: publisher });
    await publisher.publishAll(await followers.publishAll(transferred));
    await publisher.keepMoved();
    for (const { repository, tag } of discovery) {
      await batch.attempt(
        () => this.#publishDiscovery(repository, tag),
        (error) => book.addFailure(error, formatReference({ ...repository, tag })),
      );
    }
    if (batch.fatal !== undefined) throw batch.fatal;
  }

  receipt(bundle: Digest | undefined): Omit<Receipt, "notices"> {
    return this.#means.book.receipt(bundle, this.#blobs.totals);
  }

  /** The receipt of a run that ended early: what it did not come to has failed. */
  partialReceipt(cause: unknown, bundle: Digest | undefined): Omit<Receipt, "notices"> {
    this.#means.book.end(this.#plan, cause);
    return this.receipt(bundle);
  }

  async #readGraph({ layout, repository, root, tags }: PushImage): Promise<BundledGraph> {
    const { batch, bundle, options } = this.#means;
    const subject = `${repository}:${tags[0] ?? root.digest}`;
    const { signal } = batch;
    const graph = await readBundledGraph(bundle, layout, root, { subject, signal });
    for (const { digest } of graph.omitted) {
      const message = `"${subject}" goes without layer ${digest}: it is not for redistribution, and the bundle does not have it`;
      options.onEvent?.({ type: "notice", code: "FOREIGN_LAYER_LEFT_OUT", message });
    }
    return graph;
  }

  /** What the image needs, and what its tags are now; undefined: the target is trusted to have it. */
  async #look(image: PushImage): Promise<LookedWork | undefined> {
    const { batch, book, bundle, openTarget, options } = this.#means;
    const graph = await this.#readGraph(image);
    book.noteSize(image, graph);
    const target = openTarget(image.target);
    const found = await this.#readTags(image, graph);
    const isListed = await claimsReferrer(target, image, batch.signal);
    const isClaimed = isListed || [...found.values()].includes(image.root.digest);
    const work = { image, graph, found, isClaimed, isChanged: false };
    if (!isClaimed) target.prepare?.(this.#run);
    if (!options.trustTarget || !isWhollyTagged(work)) return work;
    this.#blobs.countPresent(createPlace(bundle, image), graph.blobs);
    this.#finishThere(work);
    return undefined;
  }

  /** Where a HEAD has seen no tag, blobs are asked for while the GET behind it confirms that: it hardly ever finds one. */
  async #readTags(image: PushImage, { blobs }: BundledGraph): Promise<Work["found"]> {
    const { batch, bundle, openTarget, options } = this.#means;
    const target = openTarget(image.target);
    let begun: readonly Promise<unknown>[] = [];
    const onUnseen = () => {
      if (begun.length > 0 || options.trustTarget) return;
      target.prepare?.(this.#run);
      const place = createPlace(bundle, image);
      begun = blobs.map((blob) => this.#blobs.ensure(place, blob, { isClaimed: false }));
      // told by who ensures them next
      for (const one of begun) one.catch(() => undefined);
    };
    const tags = image.tags.map(async (tag) => {
      const wish = { signal: batch.signal, onUnseen };
      const digest = await claimedDigest(target, tag, wish);
      return digest === undefined ? [] : [[tag, digest] as const];
    });
    try {
      const found = (await Promise.all(tags)).flat();
      return found.length > 0 ? new Map(found) : NOTHING_FOUND;
    } catch (error) {
      await Promise.allSettled(begun);
      throw error;
    }
  }

  /**
   * Brings everything below the root: blobs, then manifests from the leaves up. A tag that is right is a claim that all
   * of it is there, and no more: parts may have been lost since.
   */
  async #transfer({ graph, ...work }: LookedWork): Promise<Work | undefined> {
    const { bundle, manifests } = this.#means;
    const { image, isClaimed } = work;
    const place = createPlace(bundle, image);
    const blobs = graph.blobs.map((blob) => this.#blobs.ensure(place, blob, { isClaimed }));
    let isChanged = (await allSettledOrThrow(blobs)).includes(true);
    for (const child of graph.children) {
      if (await manifests.ensure(place, child, { isClaimed })) isChanged = true;
    }
    const done = { ...work, isChanged };
    if (!isWhollyTagged(work)) return done;
    this.#finishThere(done);
    return undefined;
  }

  /** All tags are right, and everything below them is there now. */
  #finishThere({ image, isChanged }: Work): void {
    const { book, steps } = this.#means;
    const outcome = isChanged ? "pushed" : "already-there";
    for (const tag of image.tags) book.record(image, tag, outcome, image.root.digest);
    steps.report(image, outcome);
  }

  /** `<repo>/modules:<name>`: how clusters and later pulls find the modules; packages and plugins likewise. */
  async #publishDiscovery(repository: RepositoryReference, tag: string): Promise<void> {
    const { batch, openTarget, options } = this.#means;
    const { manifest, blobs } = DISCOVERY;
    const { trustTarget = false } = options;
    const place = discoveryPlaceOf(repository);
    const found = await claimedDigest(openTarget(repository), tag, { signal: batch.signal });
    const claim: EnsureOptions = { isClaimed: found === manifest.descriptor.digest };
    if (claim.isClaimed && trustTarget) return;
    for (const { descriptor } of blobs) await this.#discovery.ensure(place, descriptor, claim);
    if (!claim.isClaimed) await writeTag(this.#means, { place, manifest, tag });
  }
}
