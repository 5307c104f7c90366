import type { BundledGraph } from "../../bundle/images/bundle-graph.ts";
import { compareTexts } from "../../compare-texts.ts";
import { type Failure, toFailure } from "../../failure.ts";
import type { Digest } from "../../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { keyOfImage } from "../followers/followers.ts";
import type { PushImage, PushPlan } from "../plan-push.ts";
import type { UploadTotals } from "../uploads/upload-tally.ts";
import { RECEIPT_MEDIA_TYPE, type Receipt, type ReceiptImage } from "./receipt.ts";

export type Outcome = ReceiptImage["outcome"];

/** What became of what was planned, as it happens. */
export class ReceiptBook {
  readonly #target: RepositoryReference;
  readonly #images: ReceiptImage[] = [];
  readonly #failures: Failure[] = [];
  /** Images of which something failed. */
  readonly #failed = new Set<string>();
  /** With all that is below the root; of what the receipt tells it of. */
  readonly #bytes = new Map<string, number>();

  constructor(target: RepositoryReference) {
    this.#target = target;
  }

  /** In the order in which they ended. */
  get images(): readonly ReceiptImage[] {
    return this.#images;
  }

  noteSize(image: PushImage, { root, children, blobs }: BundledGraph): void {
    if (!isTold(image)) return;
    const bytes = [root, ...children, ...blobs].reduce((sum, { size }) => sum + size, 0);
    this.#bytes.set(keyOfImage(image), bytes);
  }

  /** `tag` is undefined for what has none. */
  record(image: PushImage, tag: string | undefined, outcome: Outcome, found?: Digest): void {
    const { repository, root, kind, subject } = image;
    const bytes = isTold(image) ? this.#bytes.get(keyOfImage(image)) : undefined;
    if (outcome === "failed") this.#failed.add(keyOfImage(image));
    this.#images.push({
      repository,
      ...(tag === undefined ? {} : { tag }),
      ...(isTold(image) ? { kind } : {}),
      ...(subject === undefined ? {} : { subject }),
      ...(bytes === undefined ? {} : { bytes }),
      planned: root.digest,
      ...(found === undefined ? {} : { found }),
      outcome,
    });
  }

  /** All that there is to publish of the image has failed. */
  recordAllFailed(image: PushImage): void {
    for (const tag of namesOf(image)) this.record(image, tag, "failed");
  }

  addFailure(error: unknown, subject: string): void {
    this.#failures.push(toFailure(error, subject));
  }

  hasFailed(image: PushImage): boolean {
    return this.#failed.has(keyOfImage(image));
  }

  receipt(bundle: Digest | undefined, uploads: UploadTotals): Omit<Receipt, "notices"> {
    const images = [...this.#images].sort((left, right) => compareTexts(keyOf(left), keyOf(right)));
    const roots = new Set(images.map(({ repository, planned }) => `${repository}@${planned}`));
    const tags = images.filter(({ tag }) => tag !== undefined).length;
    return {
      schemaVersion: 1,
      mediaType: RECEIPT_MEDIA_TYPE,
      ...(bundle ? { bundle } : {}),
      target: formatReference(this.#target),
      complete: this.#failures.length === 0 && images.every(({ outcome }) => outcome !== "failed"),
      images,
      totals: { images: roots.size, tags, ...uploads },
      failures: this.#failures,
    };
  }

  /** The run ended early: what it did not come to has failed. */
  end({ images }: PushPlan, cause: unknown): void {
    const known = new Set(this.#images.map(keyOf));
    for (const image of images) {
      const { repository, root } = image;
      const planned = root.digest;
      for (const tag of namesOf(image)) {
        if (!known.has(nameOf({ repository, tag, planned }))) this.record(image, tag, "failed");
      }
    }
    this.addFailure(cause, formatReference(this.#target));
  }
}

interface Named {
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly planned: Digest;
}

/** `repository:tag`, or `repository@digest` of what has none. */
export function nameOf({ repository, tag, planned }: Named): string {
  return tag === undefined ? `${repository}@${planned}` : `${repository}:${tag}`;
}

function keyOf(image: ReceiptImage): string {
  return nameOf(image);
}

/** Whether the receipt says what it is: all but what runs. */
function isTold({ kind, subject }: PushImage): boolean {
  return subject !== undefined || kind === "chart" || kind === "file";
}

/** What there is to publish of an image: its tags, or the manifest alone. */
function namesOf({ tags }: PushImage): readonly (string | undefined)[] {
  return tags.length > 0 ? tags : [undefined];
}
