import type { ImageContents } from "../contents/contents.ts";
import type { ChosenImage } from "../export/choose-images.ts";
import { exportedName } from "../export/exported-image.ts";
import { type Failure, toFailure } from "../failure.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import { RECEIPT_MEDIA_TYPE, type Receipt, type ReceiptImage } from "../push/receipt/receipt.ts";
import { RuntimeRefusedError } from "./errors.ts";
import type { PreparedLoad } from "./prepare-load.ts";
import type { Listing } from "./runtime.ts";

/** What became of each image, as the runtime listed it before and lists it after. */
export class LoadBook {
  readonly #load: PreparedLoad;
  readonly #contents: ReadonlyMap<string, ImageContents>;
  /** Sizes of all distinct blobs. */
  readonly #sizes: ReadonlyMap<Digest, number>;
  readonly #failures = new Map<string, Failure>();
  readonly #sent = new Map<Digest, number>();
  #before: Listing | undefined;
  #after: Listing | undefined;

  constructor(load: PreparedLoad) {
    this.#load = load;
    const { contents, entries, failures } = load.plan;
    this.#contents = new Map(contents.map((image) => [exportedName(image), image]));
    this.#sizes = new Map(
      entries.flatMap(({ content, size }) =>
        content.kind === "blob" ? [[content.digest, size] as const] : [],
      ),
    );
    this.addUnreadable(failures);
  }

  /** All that is to be loaded, or was, and cannot be read. */
  get names(): readonly string[] {
    return this.#load.chosen
      .map(({ name }) => name)
      .filter((name) => this.#contents.has(name) || this.#failures.has(name));
  }

  get bytes(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  noteBefore(listing: Listing): void {
    this.#before = listing;
  }

  noteAfter(listing: Listing): void {
    this.#after = listing;
  }

  noteSent(digest: Digest, bytes: number): void {
    this.#sent.set(digest, (this.#sent.get(digest) ?? 0) + bytes);
  }

  isThere(image: ImageContents): boolean {
    return this.#before?.find(image) === this.#load.runtime.plannedOf(image);
  }

  isUnreadable(image: ImageContents): boolean {
    return this.#failures.has(exportedName(image));
  }

  addUnreadable(failures: readonly Failure[]): void {
    for (const failure of failures) this.#failures.set(failure.subject, failure);
  }

  refuse(images: readonly ImageContents[], error: RuntimeRefusedError): void {
    for (const image of images) {
      const name = exportedName(image);
      this.#failures.set(name, toFailure(error, name));
    }
  }

  /** `fatal`: what ended the run before its end. */
  receipt(fatal?: unknown): Omit<Receipt, "notices"> {
    const { bundle, chosen, signatures, target } = this.#load;
    const named = new Set(this.names);
    const images = chosen.filter(({ name }) => named.has(name)).map((image) => this.#entry(image));
    const failures = [
      ...this.#failures.values(),
      ...(fatal === undefined ? [] : [toFailure(fatal, target)]),
    ];
    return {
      schemaVersion: 1,
      mediaType: RECEIPT_MEDIA_TYPE,
      ...(bundle === undefined ? {} : { bundle }),
      target,
      complete: failures.length === 0 && images.every(({ outcome }) => outcome !== "failed"),
      images,
      ...(signatures === undefined ? {} : { signatures }),
      totals: this.#totals(images),
      failures,
    };
  }

  #entry(chosen: ChosenImage): ReceiptImage {
    const { name, origin, root, tag } = chosen;
    const image = this.#contents.get(name);
    const planned = image === undefined ? root.digest : this.#load.runtime.plannedOf(image);
    const found = image && (this.#after ?? this.#before)?.find(image);
    if (found !== planned && !this.#failures.has(name) && this.#after !== undefined) {
      this.#failures.set(name, this.#unlisted(name, planned, found));
    }
    const isFailed = found !== planned || this.#failures.has(name);
    const wasThere = image !== undefined && this.isThere(image);
    return {
      repository: formatReference(origin),
      ...(tag === undefined ? {} : { tag }),
      planned,
      ...(found === undefined ? {} : { found }),
      // Where the two differ: docker and podman list an image by its config
      ...(planned === root.digest ? {} : { manifest: root.digest }),
      outcome: isFailed ? "failed" : wasThere ? "already-there" : "pushed",
    };
  }

  #unlisted(name: string, planned: Digest, found: Digest | undefined): Failure {
    const reason =
      found === undefined
        ? `it does not list all of "${name}" although it took it`
        : `it lists "${name}" as ${found} instead of ${planned}`;
    return toFailure(new RuntimeRefusedError(this.#load.target, reason), name);
  }

  #totals(images: readonly ReceiptImage[]): Receipt["totals"] {
    let [sentBytes, repeatedBytes] = [0, 0];
    for (const [digest, bytes] of this.#sent) {
      const once = Math.min(bytes, this.#sizes.get(digest) ?? bytes);
      sentBytes += once;
      repeatedBytes += bytes - once;
    }
    const settled = new Set([...this.#sent.keys(), ...this.#blobsOf(images)]);
    const bytes = [...settled].reduce((sum, digest) => sum + (this.#sizes.get(digest) ?? 0), 0);
    const roots = new Set(images.map(({ repository, planned }) => `${repository}@${planned}`));
    return {
      images: roots.size,
      tags: images.length,
      blobs: settled.size,
      bytes,
      sentBytes,
      repeatedBytes,
      resumedBytes: 0,
      mountedBytes: 0,
      alreadyThereBytes: bytes - sentBytes,
    };
  }

  /** Of those that the runtime has now. */
  #blobsOf(images: readonly ReceiptImage[]): readonly Digest[] {
    const failed = new Set(
      images.filter(({ outcome }) => outcome === "failed").map(({ planned }) => planned),
    );
    return [...this.#contents.values()]
      .filter((image) => !failed.has(this.#load.runtime.plannedOf(image)))
      .flatMap(({ documents, layers }) => [...documents, ...layers])
      .map(({ digest }) => digest)
      .filter((digest) => this.#sizes.has(digest));
  }
}
