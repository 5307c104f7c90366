import type { MirrorError } from "../errors.ts";
import { formatReference } from "../oci/reference.ts";
import type { Batch } from "../run/batch.ts";
import { mapLimited } from "../run/map-limited.ts";
import type { PushEvent } from "./events.ts";
import type { PushImage } from "./plan-push.ts";
import type { Work } from "./push-work.ts";
import type { Outcome, ReceiptBook } from "./receipt/receipt-book.ts";

export interface ImageStepsOptions {
  readonly batch: Batch;
  readonly book: ReceiptBook;
  /** Images that are being pushed. */
  readonly atOnce: number;
  readonly plannedRepositories: number;
  /** Whether the target has taken a blob, or has one. */
  readonly isSomethingTaken: () => boolean;
  readonly onEvent: ((event: PushEvent) => void) | undefined;
}

/** So many repositories that are denied, and nothing that is permitted: the others will not be either. */
const DENIED_LIMIT = 8;

/** Takes the images of a push through its steps; what fails is entered, told, and goes no further. */
export class ImageSteps {
  readonly #options: ImageStepsOptions;
  readonly #denied = new Set<string>();

  constructor(options: ImageStepsOptions) {
    this.#options = options;
  }

  /** Runs a step for all; a failure takes its image out. */
  async each<Item extends PushImage | Work, Next>(
    items: readonly Item[],
    step: (item: Item) => Promise<Next | undefined>,
  ): Promise<Next[]> {
    const { atOnce, batch } = this.#options;
    const results = await mapLimited(items, atOnce, (item) =>
      batch.attempt(
        () => step(item),
        (error) => this.fail("image" in item ? item.image : item, error),
      ),
    );
    return results.filter((result): result is Awaited<Next> & Next => result !== undefined);
  }

  fail(image: PushImage, error: MirrorError): void {
    const { batch, book } = this.#options;
    if (error.code === "REGISTRY_DENIED" && this.#isNothingPermitted(image)) {
      batch.end(error);
      return;
    }
    const [tag] = image.tags;
    const subject = formatReference({ ...image.target, tag, digest: image.root.digest });
    book.addFailure(error, subject);
    book.recordAllFailed(image);
    this.report(image, "failed");
  }

  report({ repository, tags, root }: PushImage, outcome: Outcome): void {
    const { digest } = root;
    this.#options.onEvent?.({ type: "image-finished", repository, tags, digest, outcome });
  }

  #isNothingPermitted({ repository }: PushImage): boolean {
    if (this.#options.isSomethingTaken()) return false;
    this.#denied.add(repository);
    return this.#denied.size >= Math.min(this.#options.plannedRepositories, DENIED_LIMIT);
  }
}
