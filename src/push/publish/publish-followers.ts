import { SYSTEM_CLOCK } from "../../io/clock.ts";
import { formatReference } from "../../oci/reference.ts";
import { ContentWithheldError, ReferrerUnlistedError } from "../errors.ts";
import { isFollower, keyOfImage, type Subjects } from "../followers/followers.ts";
import { ReferrerLists } from "../followers/referrer-lists.ts";
import { READ_BACK_WAITS_MS } from "../look-again.ts";
import type { PushMeans } from "../push-means.ts";
import { createPlace } from "../push-place.ts";
import type { FollowerWork, Work } from "../push-work.ts";
import { nameOf } from "../receipt/receipt-book.ts";
import type { ImagePublisher } from "./publish-images.ts";

export interface FollowerPublisherOptions {
  readonly subjects: Subjects;
  /** Followers may have tags too. */
  readonly images: ImagePublisher;
}

/** Publishes what belongs to others behind its subject and before any tag of that: who sees an image finds its signatures. */
export class FollowerPublisher {
  readonly #means: PushMeans;
  readonly #subjects: Subjects;
  readonly #images: ImagePublisher;
  readonly #lists: ReferrerLists;

  constructor(means: PushMeans, { subjects, images }: FollowerPublisherOptions) {
    const { options, batch } = means;
    this.#means = means;
    this.#subjects = subjects;
    this.#images = images;
    this.#lists = new ReferrerLists({
      registry: options.target.registry,
      clock: options.clock ?? SYSTEM_CLOCK,
      signal: batch.signal,
      waitsMs: READ_BACK_WAITS_MS,
      onNotice: (notice) => options.onEvent?.({ type: "notice", ...notice }),
    });
  }

  /** What is left to publish: all but followers, with what has failed taken out. */
  async publishAll(works: readonly Work[]): Promise<Work[]> {
    const { bundle, manifests, steps } = this.#means;
    if (!works.some(({ image }) => isFollower(image))) return [...works];
    const followers = works.flatMap(({ image, ...work }) =>
      isFollower(image) ? [{ ...work, image }] : [],
    );
    const wanted = new Set(
      followers.flatMap(({ image }) => this.#subjects.of(image).map(keyOfImage)),
    );
    const others = works.filter(({ image }) => !isFollower(image));
    const ready = await steps.each(others, async (work) => {
      const { image, isClaimed } = work;
      if (!wanted.has(keyOfImage(image))) return work;
      await manifests.ensure(createPlace(bundle, image), image.root, { isClaimed });
      return work;
    });
    for (const due of this.#subjects.inOrder(followers)) {
      await steps.each(due, (work) => this.#publish(work));
    }
    return ready;
  }

  async #publish(work: FollowerWork): Promise<void> {
    const { image } = work;
    const { book } = this.#means;
    const holders = this.#subjects.of(image);
    if (holders.length > 0 && holders.every((one) => book.hasFailed(one))) {
      const reason = `${image.subject}, which it belongs to, is missing in the target`;
      const { repository, root, tags } = image;
      const name = nameOf({ repository, tag: tags[0], planned: root.digest });
      throw new ContentWithheldError(name, reason);
    }
    if (image.tags.length > 0) await this.#images.publish(work);
    else await this.#publishReferrer(work);
  }

  /** Stores a manifest under its digest, and looks whether it is listed for its subject then. */
  async #publishReferrer({ image, isChanged, isClaimed }: FollowerWork): Promise<void> {
    const { batch, book, bundle, manifests, openTarget, options, steps } = this.#means;
    const { trustTarget = false } = options;
    const { signal } = batch;
    const { root, subject } = image;
    const target = openTarget(image.target);
    const isThere = isClaimed && (trustTarget || (await target.exists(root, { signal })));
    if (!isThere) {
      const place = createPlace(bundle, image);
      await manifests.put(place, await place.readManifest(root), root.digest);
      if (!(await this.#lists.confirm(target, { digest: root.digest, subject }))) {
        const name = formatReference({ ...image.target, digest: root.digest });
        throw new ReferrerUnlistedError(name, subject);
      }
    }
    const outcome = isThere && !isChanged ? "already-there" : "pushed";
    book.record(image, undefined, outcome, root.digest);
    steps.report(image, outcome);
  }
}
