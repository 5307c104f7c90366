import pLimit from "p-limit";
import { type BundledGraph, readBundledGraph } from "../bundle/bundle-graph.ts";
import type { BundleReader } from "../bundle/bundle-reader.ts";
import { readPointedVersion } from "../bundle/pointed-version.ts";
import { compareTexts } from "../compare-texts.ts";
import type { ErrorCode, MirrorError } from "../errors.ts";
import { type Failure, toFailure } from "../failure.ts";
import { SYSTEM_CLOCK } from "../io/clock.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import { isChannel } from "../product/channel.ts";
import { hasVersion } from "../product/closure.ts";
import { Batch } from "../run/batch.ts";
import type { Manifest, TargetRepository } from "../store/store.ts";
import { BlobUploads, type EnsureOptions } from "./blob-uploads.ts";
import {
  danglingChannel,
  isChannelImage,
  refuseAfterFailure,
  type TargetVersion,
  targetVersionOf,
} from "./channel-closure.ts";
import { DISCOVERY, discoveryPlaceOf } from "./discovery-place.ts";
import { TagUnconfirmedError } from "./errors.ts";
import { lookAgain } from "./look-again.ts";
import { ManifestUploads } from "./manifest-uploads.ts";
import type { PushImage, PushPlan } from "./plan-push.ts";
import type { PushOptions } from "./push-options.ts";
import { createPlace, type PushPlace } from "./push-place.ts";
import type { PushState } from "./push-state.ts";
import { readTag } from "./read-tag.ts";
import { RECEIPT_MEDIA_TYPE, type Receipt, type ReceiptImage } from "./receipt.ts";

const DEFAULT_CONCURRENCY = 4;

/** Failures of one image. */
const SINGLE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "BUNDLE_CORRUPT",
  "CONTENT_INVALID",
  "CONTENT_MISMATCH",
  "CONTENT_MISSING",
  "REGISTRY_DENIED",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_REFUSED",
  "STORAGE_FAILED",
]);

/** So many repositories that are denied, and nothing that is permitted: the others will not be either. */
const DENIED_LIMIT = 8;

/** Before each further look at a tag that was written and is not there: up to a minute. */
const READ_BACK_WAITS_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** A tag of the target is written after everything it may stand for. */
const PUBLISHING_ORDER = [
  ["image", "extra"],
  ["signature", "attestation", "referrer"],
  ["release-channel"],
] as const;

/** One image on its way. */
interface Work {
  readonly image: PushImage;
  readonly graph: BundledGraph;
  /** What each tag was before. */
  readonly found: ReadonlyMap<string, Digest | undefined>;
  /** Something below the root had to be brought. */
  readonly isChanged: boolean;
}

type Outcome = ReceiptImage["outcome"];

/** Looks, transfers and publishes; what became of each image is in the receipt. */
export class PushRun {
  readonly #options: PushOptions;
  readonly #bundle: BundleReader;
  readonly #batch: Batch;
  readonly #blobs: BlobUploads;
  /** Not of the bundle, so not counted. */
  readonly #discovery: BlobUploads;
  readonly #manifests: ManifestUploads;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #repositories = new Map<string, TargetRepository>();
  readonly #images: ReceiptImage[] = [];
  readonly #failures: Failure[] = [];
  readonly #denied = new Set<string>();
  #plannedRepositories = 0;

  constructor(options: PushOptions, bundle: BundleReader, state: PushState) {
    const {
      clock = SYSTEM_CLOCK,
      concurrency = DEFAULT_CONCURRENCY,
      trustTarget = false,
    } = options;
    this.#options = options;
    this.#bundle = bundle;
    this.#batch = new Batch({ signal: options.signal, singleFailures: SINGLE_FAILURES });
    this.#limit = pLimit(concurrency * 2);
    const common = { openTarget: this.#open, signal: this.#batch.signal, trustTarget, clock };
    this.#blobs = new BlobUploads({
      ...common,
      concurrency,
      onEvent: options.onEvent ?? (() => {}),
      sessionOf: (reference, digest) => state.sessionOf(reference, digest),
    });
    this.#discovery = new BlobUploads({ ...common, concurrency, onEvent: () => {} });
    this.#manifests = new ManifestUploads({ ...common, blobs: this.#blobs });
  }

  async execute({ images, discovery }: PushPlan): Promise<void> {
    this.#plannedRepositories = new Set(images.map(({ repository }) => repository)).size;
    const looked = await this.#each(images, (image) => this.#look(image));
    const ready = await this.#each(looked, (work) => this.#transfer(work));
    for (const kinds of PUBLISHING_ORDER) {
      const due = ready.filter(({ image }) => (kinds as readonly string[]).includes(image.kind));
      await this.#each(due, (work) => this.#publishDue(work));
    }
    for (const { repository, tag } of discovery) {
      await this.#batch.attempt(
        () => this.#publishDiscovery(discoveryPlaceOf(repository), tag),
        (error) => this.#failures.push(toFailure(error, formatReference({ ...repository, tag }))),
      );
    }
    if (this.#batch.fatal !== undefined) throw this.#batch.fatal;
  }

  receipt(bundle: Digest | undefined): Omit<Receipt, "notices"> {
    const key = ({ repository, tag }: ReceiptImage) => `${repository}:${tag}`;
    const images = [...this.#images].sort((left, right) => compareTexts(key(left), key(right)));
    const roots = new Set(images.map(({ repository, planned }) => `${repository}@${planned}`));
    return {
      schemaVersion: 1,
      mediaType: RECEIPT_MEDIA_TYPE,
      ...(bundle ? { bundle } : {}),
      target: formatReference(this.#options.target),
      complete: this.#failures.length === 0 && images.every(({ outcome }) => outcome !== "failed"),
      images,
      totals: { images: roots.size, tags: images.length, ...this.#blobs.totals },
      failures: this.#failures,
    };
  }

  /** The receipt of a run that ended early: what it did not come to has failed. */
  partialReceipt(
    { images }: PushPlan,
    cause: unknown,
    bundle: Digest | undefined,
  ): Omit<Receipt, "notices"> {
    const known = new Set(this.#images.map(({ repository, tag }) => `${repository}:${tag}`));
    for (const { repository, root, tags } of images) {
      for (const tag of tags.filter((one) => !known.has(`${repository}:${one}`))) {
        this.#images.push({ repository, tag, planned: root.digest, outcome: "failed" });
      }
    }
    this.#failures.push(toFailure(cause, formatReference(this.#options.target)));
    return this.receipt(bundle);
  }

  readonly #open = (reference: PushImage["target"]): TargetRepository => {
    const key = formatReference(reference);
    const repository = this.#repositories.get(key) ?? this.#options.openTarget(reference);
    this.#repositories.set(key, repository);
    return repository;
  };

  /** Runs a step for all; a failure takes its image out. */
  async #each<Item extends PushImage | Work, Next>(
    items: readonly Item[],
    step: (item: Item) => Promise<Next | undefined>,
  ): Promise<Next[]> {
    const results = await Promise.all(
      items.map((item) =>
        this.#limit(() =>
          this.#batch.attempt(
            () => step(item),
            (error) => this.#fail("image" in item ? item.image : item, error),
          ),
        ),
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
    this.#failures.push(toFailure(error, subject));
    for (const tag of image.tags) this.#record(image, tag, "failed");
    this.#report(image, "failed");
  }

  #isNothingPermitted({ repository }: PushImage): boolean {
    if (this.#blobs.totals.blobs > 0) return false;
    this.#denied.add(repository);
    return this.#denied.size >= Math.min(this.#plannedRepositories, DENIED_LIMIT);
  }

  #record(image: PushImage, tag: string, outcome: Outcome, found?: Digest): void {
    const { repository, root } = image;
    const read = found === undefined ? {} : { found };
    this.#images.push({ repository, tag, planned: root.digest, ...read, outcome });
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
    const target = this.#open(image.target);
    const tags = image.tags.map(async (tag) => {
      return [tag, await readTag(target, tag, this.#batch.signal)] as const;
    });
    const work = { image, graph, found: new Map(await Promise.all(tags)), isChanged: false };
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
    const { image, graph, found } = work;
    const isClaimed = [...found.values()].includes(image.root.digest);
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
    for (const tag of image.tags) this.#record(image, tag, outcome, image.root.digest);
    this.#report(image, outcome);
  }

  /** A release channel must not point at a version that is not there; other tags of its image may. */
  async #publishDue(work: Work): Promise<void> {
    const { image } = work;
    if (image.kind === "release-channel") refuseAfterFailure(image, this.#images);
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
    const arrived = this.#images
      .filter(({ outcome }) => outcome !== "failed")
      .map(({ repository, tag }) => ({ repository, tags: [tag] }));
    if (hasVersion(arrived, place)) return undefined;
    const target = this.#open(place.target);
    for (const tag of place.tags) if (await readTag(target, tag, signal)) return undefined;
    return place;
  }

  /** Writes the tags that are not right yet and reads them back; one that fails does not keep the others away. */
  async #publish({ image, found, isChanged }: Work): Promise<void> {
    const place = createPlace(this.#bundle, image);
    const manifest = await place.readManifest(image.root);
    let isRight = true;
    for (const tag of image.tags) {
      if (found.get(tag) === image.root.digest) {
        this.#record(image, tag, isChanged ? "pushed" : "already-there", image.root.digest);
        continue;
      }
      await this.#batch.attempt(
        async () => {
          await this.#writeTag(place, manifest, tag);
          this.#record(image, tag, "pushed", image.root.digest);
        },
        (error) => {
          isRight = false;
          this.#failures.push(toFailure(error, formatReference({ ...image.target, tag })));
          const read = error instanceof TagUnconfirmedError ? error.found : undefined;
          this.#record(image, tag, "failed", read);
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
    const found = await readTag(this.#open(place.target), tag, this.#batch.signal);
    const options: EnsureOptions = { isClaimed: found === manifest.descriptor.digest };
    if (options.isClaimed && trustTarget) return;
    for (const { descriptor } of blobs) await this.#discovery.ensure(place, descriptor, options);
    if (!options.isClaimed) await this.#writeTag(place, manifest, tag);
  }
}

function isWhollyTagged({ image, found }: Work): boolean {
  return image.tags.every((tag) => found.get(tag) === image.root.digest);
}

/** Waits for all, so that nothing is still running when the first failure is thrown. */
async function allSettledOrThrow<Value>(promises: readonly Promise<Value>[]): Promise<Value[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
