import type { BundledGraph } from "../../bundle/images/bundle-graph.ts";
import { formatReference } from "../../oci/reference.ts";
import type { PushImage } from "../plan-push.ts";

/** Signatures and whatever else belongs to another manifest of its repository. */
export type Follower = PushImage & Required<Pick<PushImage, "subject">>;

export function isFollower(image: PushImage): image is Follower {
  return image.subject !== undefined;
}

/** The images of a push by the manifests that they have; nothing is noted where none belongs to another. */
export class Subjects {
  readonly #images = new Map<string, PushImage[]>();
  readonly #isNeeded: boolean;

  constructor(images: readonly PushImage[]) {
    this.#isNeeded = images.some(isFollower);
    for (const image of images) this.#add(image, image.root.digest);
  }

  /** Notes what is below the root of an image: followers belong to children too. */
  enter(image: PushImage, { children }: BundledGraph): void {
    for (const { digest } of children) this.#add(image, digest);
  }

  /** The images that have what a follower belongs to; none where the bundle does not have it. */
  of({ target, subject }: Follower): readonly PushImage[] {
    return this.#images.get(keyOf(target, subject)) ?? [];
  }

  /** Those that belong to none of the others, then those that belong to them, and so on. */
  inOrder<Item extends { readonly image: Follower }>(followers: readonly Item[]): Item[][] {
    const waiting = new Map(followers.map((item) => [keyOfImage(item.image), item]));
    const steps: Item[][] = [];
    while (waiting.size > 0) {
      const all = [...waiting.values()];
      const due = all.filter(({ image }) =>
        this.of(image).every((one) => !waiting.has(keyOfImage(one))),
      );
      // Tags can say anything: what goes in circles has no order
      const step = due.length > 0 ? due : all;
      for (const { image } of step) waiting.delete(keyOfImage(image));
      steps.push(step);
    }
    return steps;
  }

  #add(image: PushImage, digest: string): void {
    if (!this.#isNeeded) return;
    const key = keyOf(image.target, digest);
    const known = this.#images.get(key) ?? [];
    if (!known.includes(image)) this.#images.set(key, [...known, image]);
  }
}

/** An image of a push, whichever of its tags are meant. */
export function keyOfImage({ target, root }: PushImage): string {
  return keyOf(target, root.digest);
}

function keyOf(target: PushImage["target"], digest: string): string {
  return formatReference({ ...target, digest });
}
