import { readBundledGraph } from "../../bundle/images/bundle-graph.ts";
import { readPointedVersion } from "../../bundle/images/pointed-version.ts";
import type { ImageKind } from "../../contents/contents.ts";
import type { Digest } from "../../oci/digest.ts";
import { formatReference } from "../../oci/reference.ts";
import { isChannel } from "../../product/channel.ts";
import { hasVersion } from "../../product/closure.ts";
import { TagUnconfirmedError } from "../errors.ts";
import type { PushMeans } from "../push-means.ts";
import { createPlace, type PushPlace } from "../push-place.ts";
import type { Work } from "../push-work.ts";
import {
  danglingChannel,
  isChannelImage,
  refuseAfterFailure,
  type TargetVersion,
  targetVersionOf,
} from "./channel-closure.ts";
import { claimedDigest } from "./claimed-digest.ts";
import { writeTag } from "./write-tag.ts";

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

/** Gives images that are there their tags, release channels last. */
export class ImagePublisher {
  readonly #means: PushMeans;
  /** What tags named before they were moved. */
  readonly #moved: { readonly place: PushPlace; readonly digest: Digest }[] = [];

  constructor(means: PushMeans) {
    this.#means = means;
  }

  async publishAll(works: readonly Work[]): Promise<void> {
    for (const step of [0, 1, 2]) {
      const due = works.filter(({ image }) => PUBLISHED_IN[image.kind] === step);
      await this.#means.steps.each(due, (work) => this.#publishDue(work));
    }
  }

  /** Brings again what this run needs and the target has forgotten with the tag that was moved away from it. */
  async keepMoved(): Promise<void> {
    const { batch, book, manifests } = this.#means;
    for (const { place, digest } of this.#moved) {
      await batch.attempt(
        () => manifests.keep(place, digest),
        (error) => book.addFailure(error, formatReference({ ...place.target, digest })),
      );
    }
  }

  /** A release channel must not point at a version that is not there; other tags of its image may. */
  async #publishDue(work: Work): Promise<void> {
    const { image } = work;
    const { book, steps } = this.#means;
    if (image.kind === "release-channel") refuseAfterFailure(image, book.images);
    const dangling = isChannelImage(image) ? await this.#findDangling(work) : undefined;
    if (dangling === undefined) return await this.publish(work);
    const rest = { ...image, tags: image.tags.filter((tag) => !isChannel(tag)) };
    if (rest.tags.length > 0) await this.publish({ ...work, image: rest });
    const channels = { ...image, tags: image.tags.filter(isChannel) };
    steps.fail(channels, danglingChannel(channels, dangling));
  }

  /** The version that the image points at, if neither the bundle nor the target has it. */
  async #findDangling({ image }: Work): Promise<TargetVersion | undefined> {
    const { batch, book, bundle, openTarget } = this.#means;
    const [{ signal }, { layout, root }] = [batch, image];
    const graph = await readBundledGraph(bundle, layout, root, { signal });
    const version = await readPointedVersion({ bundle, layout, graph, signal });
    if (version === undefined) return undefined;
    const place = targetVersionOf(image, version);
    const arrived = book.images
      .filter(({ outcome }) => outcome !== "failed")
      .map(({ repository, tag }) => ({ repository, tags: tag === undefined ? [] : [tag] }));
    if (hasVersion(arrived, place)) return undefined;
    const target = openTarget(place.target);
    for (const tag of place.tags)
      if (await claimedDigest(target, tag, { signal })) return undefined;
    return place;
  }

  /** Writes the tags that are not right yet and reads them back; one that fails does not keep the others away. */
  async publish({ image, found, isChanged }: Work): Promise<void> {
    const { batch, book, bundle, steps } = this.#means;
    const place = createPlace(bundle, image);
    const manifest = await place.readManifest(image.root);
    let isRight = true;
    for (const tag of image.tags) {
      if (found.get(tag) === image.root.digest) {
        book.record(image, tag, isChanged ? "pushed" : "already-there", image.root.digest);
        continue;
      }
      await batch.attempt(
        async () => {
          await writeTag(this.#means, { place, manifest, tag });
          book.record(image, tag, "pushed", image.root.digest);
          const before = found.get(tag);
          if (before !== undefined) this.#moved.push({ place, digest: before });
        },
        (error) => {
          isRight = false;
          book.addFailure(error, formatReference({ ...image.target, tag }));
          const read = error instanceof TagUnconfirmedError ? error.found : undefined;
          book.record(image, tag, "failed", read);
        },
      );
    }
    if (batch.fatal === undefined) steps.report(image, isRight ? "pushed" : "failed");
  }
}
