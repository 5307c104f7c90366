import { setMaxListeners } from "node:events";
import { join } from "node:path";
import pLimit from "p-limit";
import { type BundledGraph, readBundledGraph } from "../bundle/bundle-graph.ts";
import type { BundleReader } from "../bundle/bundle-reader.ts";
import { BUNDLE_MANIFEST_FILE } from "../bundle/format.ts";
import { readPointedVersion } from "../bundle/pointed-version.ts";
import { compareTexts } from "../compare-texts.ts";
import { type ErrorCode, MirrorError } from "../errors.ts";
import { type Failure, toFailure } from "../failure.ts";
import { readFile } from "../io/read-file.ts";
import { collectNotices } from "../notice.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import type { Manifest, TargetRepository } from "../store/store.ts";
import { isChannel } from "../vendor/channel.ts";
import { hasVersion } from "../vendor/closure.ts";
import { BlobUploads } from "./blob-uploads.ts";
import {
  danglingChannel,
  isChannelImage,
  refuseAfterFailure,
  type TargetVersion,
  targetVersionOf,
} from "./channel-closure.ts";
import { checkPushOptions } from "./check-push-options.ts";
import type { PushEvent } from "./events.ts";
import { distinctBytes, openPush } from "./open-push.ts";
import type { PushImage, PushPlan } from "./plan-push.ts";
import { publishDiscovery } from "./publish-discovery.ts";
import type { PushOptions } from "./push-options.ts";
import { PushState } from "./push-state.ts";
import { readTag } from "./read-tag.ts";
import { RECEIPT_MEDIA_TYPE, type Receipt, type ReceiptImage } from "./receipt.ts";

const DEFAULT_CONCURRENCY = 4;

/** Failures of one image that say nothing about the next one; any other ends the run. */
const SINGLE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "BUNDLE_CORRUPT",
  "CONTENT_INVALID",
  "CONTENT_MISMATCH",
  "CONTENT_MISSING",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_REFUSED",
  "STORAGE_FAILED",
]);

const UNCONFIRMED_HINT =
  "Check who else writes to the target and what caches its answers, then run the same command again";

/**
 * Replays a bundle into a registry, straight from its files. Children go before parents and tags last, so a tag in
 * the target never points at something incomplete. The receipt lists every planned tag as it was read back.
 */
export async function push(given: PushOptions): Promise<Receipt> {
  checkPushOptions(given);
  const { notices, onEvent } = collectNotices<PushEvent>(given.onEvent);
  const options = { ...given, onEvent };
  const { bundlePath, target } = options;
  await using opened = await openPush(options);
  const { bundle, plan } = opened;
  for (const notice of opened.notices) onEvent({ type: "notice", ...notice });
  onEvent(openedEvent(bundle, plan));
  const digest = await digestOfBundle(bundle);
  const { directory } = bundle.listing;
  await using state = await PushState.open({
    directory,
    bundle: digest ?? bundlePath,
    target,
    onUnsaved: ({ message }) =>
      onEvent({
        type: "notice",
        code: "UPLOADS_NOT_KEPT",
        message: `If this push is interrupted, started blobs are sent again: ${message}`,
      }),
  });
  const run = new PushRun(options, bundle, state);
  await run.execute(plan);
  const receipt: Receipt = { ...run.receipt(digest), notices };
  if (receipt.complete) state.forgetAll();
  return receipt;
}

function openedEvent(bundle: BundleReader, { images }: PushPlan): PushEvent {
  const { listing } = bundle;
  return {
    type: "opened",
    packages: listing.packages.length,
    files: listing.packages.reduce((sum, { files }) => sum + files.length, 0),
    images: images.length,
    bytes: distinctBytes(bundle),
  };
}

async function digestOfBundle({ manifest, listing }: BundleReader): Promise<Digest | undefined> {
  return manifest && digestOf(await readFile(join(listing.directory, BUNDLE_MANIFEST_FILE)));
}

/** A tag of the target is written after everything it may stand for. */
const PUBLISHING_ORDER = [
  ["image", "extra"],
  ["signature", "attestation", "referrer"],
  ["release-channel"],
] as const;

class PushRun {
  readonly #options: PushOptions;
  readonly #bundle: BundleReader;
  readonly #uploads: BlobUploads;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #repositories = new Map<string, TargetRepository>();
  readonly #images: ReceiptImage[] = [];
  readonly #failures: Failure[] = [];
  #fatal: unknown;

  constructor(options: PushOptions, bundle: BundleReader, state: PushState) {
    const { concurrency = DEFAULT_CONCURRENCY, onEvent = () => {}, signal } = options;
    this.#options = options;
    this.#bundle = bundle;
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    // Every transfer listens
    setMaxListeners(0, this.#signal);
    this.#limit = pLimit(concurrency * 2);
    this.#uploads = new BlobUploads({
      bundle,
      concurrency,
      onEvent,
      signal: this.#signal,
      openTarget: (reference) => this.#open(reference),
      sessionOf: (reference, digest) => state.sessionOf(reference, digest),
    });
  }

  async execute({ images, discovery }: PushPlan): Promise<void> {
    const missing = (await this.#each(images, (image) => this.#check(image))).filter(isDefined);
    const ready = (await this.#each(missing, (work) => this.#transfer(work))).filter(isDefined);
    for (const kinds of PUBLISHING_ORDER) {
      const due = ready.filter(({ image }) => (kinds as readonly string[]).includes(image.kind));
      await this.#each(due, (work) => this.#publishDue(work));
    }
    if (this.#fatal !== undefined) throw this.#fatal;
    const openTarget: PushOptions["openTarget"] = (reference) => this.#open(reference);
    await publishDiscovery(discovery, { openTarget, signal: this.#signal });
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
      totals: { images: roots.size, tags: images.length, ...this.#uploads.totals },
      failures: this.#failures,
    };
  }

  #open(reference: PushImage["target"]): TargetRepository {
    const key = formatReference(reference);
    const repository = this.#repositories.get(key) ?? this.#options.openTarget(reference);
    this.#repositories.set(key, repository);
    return repository;
  }

  /** Runs a step for all; a failure takes its image out, a fatal one ends the run. */
  async #each<Item extends PushImage | Work, Next>(
    items: readonly Item[],
    step: (item: Item) => Promise<Next>,
  ): Promise<(Next | undefined)[]> {
    return Promise.all(
      items.map((item) =>
        this.#limit(async () => {
          if (this.#fatal !== undefined) return undefined;
          try {
            this.#signal.throwIfAborted();
            return await step(item);
          } catch (error) {
            this.#fail("image" in item ? item.image : item, error);
            return undefined;
          }
        }),
      ),
    );
  }

  #fail(image: PushImage, error: unknown): void {
    if (!(error instanceof MirrorError && SINGLE_FAILURES.has(error.code))) {
      this.#fatal ??= error;
      this.#stop.abort(error);
      return;
    }
    const { repository, root } = image;
    this.#failures.push(
      toFailure(error, formatReference({ ...image.target, digest: root.digest })),
    );
    for (const tag of image.tags) {
      this.#images.push({ repository, tag, planned: root.digest, outcome: "failed" });
    }
    this.#report(image, "failed");
  }

  #report(
    { repository, tags, root }: PushImage,
    outcome: "pushed" | "already-there" | "failed",
  ): void {
    this.#options.onEvent?.({
      type: "image-finished",
      repository,
      tags,
      digest: root.digest,
      outcome,
    });
  }

  /** Images whose tags are all there already need nothing; the rest is work. */
  async #check(image: PushImage): Promise<Work | undefined> {
    const subject = `${image.repository}:${image.tags[0] ?? image.root.digest}`;
    const graph = await readBundledGraph(this.#bundle, image.layout, image.root, {
      subject,
      signal: this.#signal,
    });
    for (const { digest } of graph.omitted) {
      const message = `"${subject}" goes without layer ${digest}: it is not for redistribution, and the bundle does not have it`;
      this.#options.onEvent?.({ type: "notice", code: "FOREIGN_LAYER_LEFT_OUT", message });
    }
    const target = this.#open(image.target);
    const found = await Promise.all(image.tags.map((tag) => readTag(target, tag, this.#signal)));
    if (found.some((digest) => digest !== image.root.digest)) return { image, graph };
    const { repository, root } = image;
    for (const tag of image.tags) {
      const outcome = "already-there";
      this.#images.push({ repository, tag, planned: root.digest, found: root.digest, outcome });
    }
    this.#uploads.countPresent(graph.blobs);
    this.#report(image, "already-there");
    return undefined;
  }

  /** Brings everything below the root: blobs, then manifests from the leaves up. */
  async #transfer(work: Work): Promise<Work> {
    const { image, graph } = work;
    const { layout, target } = image;
    const blobs = graph.blobs.map((blob) => this.#uploads.ensure(target, layout, blob));
    await allSettledOrThrow(blobs);
    for (const child of graph.children) {
      const manifest = await this.#readManifest(image, child);
      await this.#open(target).pushManifest(manifest, child.digest, { signal: this.#signal });
    }
    return work;
  }

  /** A release channel must not point at a version that is not there; other tags of its image may. */
  async #publishDue(work: Work): Promise<void> {
    const { image } = work;
    if (image.kind === "release-channel") refuseAfterFailure(image, this.#images);
    const dangling = isChannelImage(image) ? await this.#findDangling(work) : undefined;
    if (dangling === undefined) {
      const isConfirmed = await this.#publish(image);
      this.#report(image, isConfirmed ? "pushed" : "failed");
      return;
    }
    await this.#publish({ ...image, tags: image.tags.filter((tag) => !isChannel(tag)) });
    const channels = { ...image, tags: image.tags.filter(isChannel) };
    this.#fail(channels, danglingChannel(channels, dangling));
  }

  /** The version that the image points at, if neither the bundle nor the target has it. */
  async #findDangling({ image, graph }: Work): Promise<TargetVersion | undefined> {
    const [bundle, signal] = [this.#bundle, this.#signal];
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

  /** Writes the tags and reads them back; whether all of them are right. */
  async #publish(image: PushImage): Promise<boolean> {
    const { repository, root, tags } = image;
    const target = this.#open(image.target);
    const manifest = await this.#readManifest(image, root);
    let isConfirmed = true;
    for (const tag of tags) {
      await target.pushManifest(manifest, tag, { signal: this.#signal });
      const found = await readTag(target, tag, this.#signal);
      const isRight = found === root.digest;
      this.#images.push({
        repository,
        tag,
        planned: root.digest,
        ...(found ? { found } : {}),
        outcome: isRight ? "pushed" : "failed",
      });
      if (!isRight) {
        isConfirmed = false;
        const subject = formatReference({ ...image.target, tag });
        const message = `Cannot confirm "${subject}": the target has ${found ?? "nothing"} there instead of ${root.digest}`;
        this.#failures.push({
          code: "CONTENT_MISMATCH",
          subject,
          message,
          hint: UNCONFIRMED_HINT,
        });
      }
    }
    return isConfirmed;
  }

  async #readManifest({ layout }: PushImage, descriptor: Descriptor): Promise<Manifest> {
    return { descriptor, bytes: await this.#bundle.readDocument(layout, descriptor.digest) };
  }
}

interface Work {
  readonly image: PushImage;
  readonly graph: BundledGraph;
}

/** Waits for all, so that nothing is still running when the first failure is thrown. */
async function allSettledOrThrow(promises: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

function isDefined<Value>(value: Value | undefined): value is Value {
  return value !== undefined;
}
