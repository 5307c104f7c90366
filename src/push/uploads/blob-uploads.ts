import pLimit from "p-limit";
import { isMirrorError } from "../../errors.ts";
import type { Clock } from "../../io/clock.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import type {
  FiledContent,
  MovingRun,
  OperationOptions,
  PushContentOptions,
  PushContentResult,
  TargetRepository,
  UploadSessionStore,
} from "../../store/store.ts";
import { ByContent } from "../by-content.ts";
import { ContentNotKeptError } from "../errors.ts";
import type { PushEvent } from "../events.ts";
import { lookAgain } from "../look-again.ts";
import type { PushPlace } from "../push-place.ts";
import { UploadTally, type UploadTotals } from "./upload-tally.ts";

export interface BlobUploadsOptions extends OperationOptions, MovingRun {
  readonly openTarget: (reference: RepositoryReference) => TargetRepository;
  /** Where the upload session of a blob is kept between runs. */
  readonly sessionOf?: (target: RepositoryReference, digest: Digest) => UploadSessionStore;
  /** Large blobs that are sent at a time. */
  readonly concurrency: number;
  /** Believe the target: that it has what a tag needs, and that it keeps what it has taken. */
  readonly trustTarget: boolean;
  readonly clock: Clock;
  readonly onEvent: (event: PushEvent) => void;
}

export interface EnsureOptions {
  /** The target claims to have the blob: it is asked before anything is sent or mounted. */
  readonly isClaimed: boolean;
}

interface PushWish {
  readonly from?: RepositoryReference | undefined;
  readonly isKnownMissing: boolean;
}

/** Blobs up to this size are sent sooner than they are handed over. */
const SMALL_BYTES = 1024 * 1024;
/** Blobs up to this size are held as a whole while they are sent. */
const HELD_BYTES = 64 * 1024;

/** So many small blobs are under way where one large one is: what they take is answers. */
const SMALL_FACTOR = 4;
/** So many large blobs are asked for, begun and confirmed where one is sent: no line waits for an answer then. */
const LARGE_FACTOR = 2;

/** A blob that was taken and cannot be seen: some registries need a moment. */
const CONFIRM_WAITS_MS = [1_000, 2_000, 4_000];
/** How often a blob is sent that the target takes and does not have. */
const SEND_LIMIT = 2;

/** Brings blobs into repositories: each is uploaded once per run, and mounted wherever else it is needed. */
export class BlobUploads {
  readonly #options: BlobUploadsOptions;
  readonly #small: ReturnType<typeof pLimit>;
  readonly #large: ReturnType<typeof pLimit>;
  readonly #turns: ReturnType<typeof pLimit>;
  readonly #tally = new UploadTally();
  /** By repository and digest: whether it had to be brought there. */
  readonly #ensured = new ByContent<boolean | Promise<boolean>>();
  /** The first repository that a blob goes to; a promise until it is there. */
  readonly #first = new Map<Digest, RepositoryReference | Promise<RepositoryReference>>();
  readonly #resending = new ByContent<Promise<unknown>>();

  constructor(options: BlobUploadsOptions) {
    this.#options = options;
    const { concurrency } = options;
    // one stays one
    const times = (factor: number) => 1 + (concurrency - 1) * factor;
    this.#small = pLimit(times(SMALL_FACTOR));
    this.#large = pLimit(times(LARGE_FACTOR));
    this.#turns = pLimit(concurrency);
  }

  get totals(): UploadTotals {
    return this.#tally.totals;
  }

  /** Idempotent; afterwards the blob is in the repository. Whether it had to be brought there. */
  async ensure(place: PushPlace, blob: Descriptor, { isClaimed }: EnsureOptions): Promise<boolean> {
    const [{ target }, { digest }] = [place, blob];
    const known = this.#ensured.get(target, digest);
    if (known !== undefined) return await known;
    const ensuring = this.#bring(place, blob, isClaimed);
    this.#ensured.set(target, digest, ensuring);
    const isBrought = await ensuring;
    // What is over is no promise any more: of many blobs these would be most of what is kept
    this.#ensured.set(target, digest, isBrought);
    return isBrought;
  }

  /** Sends a blob that the target says it does not know, whatever it said before. */
  sendAgain(place: PushPlace, blob: Descriptor): Promise<unknown> {
    const [{ target }, { digest }] = [place, blob];
    const known = this.#resending.get(target, digest);
    if (known !== undefined) return known;
    const sending = this.#limitOf(blob)(() => this.#push(place, blob, { isKnownMissing: true }));
    const settled = sending.finally(() => this.#resending.delete(target, digest));
    this.#resending.set(target, digest, settled);
    return settled;
  }

  /** Blobs that are believed to be there. */
  countPresent({ target }: PushPlace, blobs: readonly Descriptor[]): void {
    for (const blob of blobs) this.#tally.addPresent(target, blob);
  }

  async #bring(place: PushPlace, blob: Descriptor, isClaimed: boolean): Promise<boolean> {
    const first = this.#first.get(blob.digest);
    if (first === undefined) {
      const bringing = this.#limitOf(blob)(async () => {
        if (isClaimed && (await this.#isThere(place, blob))) return false;
        return await this.#push(place, blob, { isKnownMissing: isClaimed });
      });
      const there = bringing.then(() => {
        this.#first.set(blob.digest, place.target);
        return place.target;
      });
      // Nobody may ever wait for it; `ensure` reports the failure
      there.catch(() => {});
      this.#first.set(blob.digest, there);
      return bringing;
    }
    if (isClaimed && (await this.#limitOf(blob)(() => this.#isThere(place, blob)))) return false;
    // Not inside the limit: who waits here must not take the place of who is waited for
    const from = "then" in first ? await first.catch(() => undefined) : first;
    const wish = { from, isKnownMissing: isClaimed };
    return await this.#limitOf(blob)(() => this.#push(place, blob, wish));
  }

  /** Small blobs never wait behind large ones. */
  #limitOf(blob: Descriptor): ReturnType<typeof pLimit> {
    return isSmall(blob) ? this.#small : this.#large;
  }

  readonly #takeTurn = (): Promise<() => void> =>
    new Promise((enter) => {
      void this.#turns(() => new Promise<void>((leave) => enter(leave)));
    });

  async #isThere(place: PushPlace, blob: Descriptor): Promise<boolean> {
    const { openTarget, signal } = this.#options;
    signal?.throwIfAborted();
    const isThere = await openTarget(place.target).exists(blob, { signal });
    if (isThere) this.#tally.addPresent(place.target, blob);
    return isThere;
  }

  /** Whether the blob had to be brought there. */
  async #push(place: PushPlace, blob: Descriptor, wish: PushWish): Promise<boolean> {
    const { onEvent, signal } = this.#options;
    signal?.throwIfAborted();
    const { digest, size } = blob;
    onEvent({ type: "blob-started", digest, size, repository: place.target.repository });
    try {
      const outcome = await this.#pushUntilKept(place, blob, wish);
      onEvent({ type: "blob-finished", digest, size, outcome });
      return outcome !== "already-there";
    } catch (error) {
      onEvent({ type: "blob-finished", digest, size, outcome: "failed" });
      throw error;
    }
  }

  async #pushUntilKept(
    place: PushPlace,
    blob: Descriptor,
    { from, isKnownMissing }: PushWish,
  ): Promise<PushContentResult["outcome"]> {
    let next: PushWish = { from, isKnownMissing };
    for (let sends = 0; sends < SEND_LIMIT; ) {
      const result = await this.#pushOnce(place, blob, next);
      const { outcome } = result;
      this.#tally.add(place.target, blob, result);
      if (outcome === "already-there" || (await this.#isKept(place, blob))) return outcome;
      // A mount that did not hold is no attempt to send
      if (outcome === "uploaded") sends += 1;
      next = { isKnownMissing: true };
    }
    throw new ContentNotKeptError(formatReference({ ...place.target, digest: blob.digest }));
  }

  async #pushOnce(
    place: PushPlace,
    blob: Descriptor,
    { from, isKnownMissing }: PushWish,
  ): Promise<PushContentResult> {
    const { openTarget, onEvent, sessionOf, signal } = this.#options;
    const { digest } = blob;
    let reported = 0;
    return await openTarget(place.target).push(blob, place.openBlob(blob), {
      signal,
      isKnownMissing,
      mountFrom: from?.repository,
      session: sessionOf?.(place.target, digest),
      readAll: readerOf(place, blob),
      filed: this.#fileOf(place, blob),
      ...(isSmall(blob) ? {} : { takeTurn: this.#takeTurn }),
      onProgress: (sent) => {
        if (sent > reported) onEvent({ type: "blob-progress", digest, bytes: sent - reported });
        reported = Math.max(reported, sent);
      },
    });
  }

  #fileOf(place: PushPlace, blob: Descriptor): FiledContent | undefined {
    const filed = isSmall(blob) ? undefined : place.fileBlob?.(blob);
    const { runBytes, busyThreads } = this.#options;
    return filed && { ...filed, runBytes, busyThreads };
  }

  /** Whether the target has what it said it took. Who may not look cannot tell, and has to believe it. */
  async #isKept(place: PushPlace, blob: Descriptor): Promise<boolean> {
    const { clock, openTarget, signal, trustTarget } = this.#options;
    if (trustTarget) return true;
    const target = openTarget(place.target);
    const look = async () => ((await target.exists(blob, { signal })) ? true : undefined);
    try {
      const found = await lookAgain(look, { clock, signal, waitsMs: CONFIRM_WAITS_MS });
      return found !== undefined;
    } catch (error) {
      if (isMirrorError(error, "REGISTRY_DENIED")) return true;
      throw error;
    }
  }
}

function isSmall({ size }: Descriptor): boolean {
  return size <= SMALL_BYTES;
}

function readerOf({ readBlob }: PushPlace, blob: Descriptor): PushContentOptions["readAll"] {
  return readBlob && blob.size <= HELD_BYTES ? () => readBlob(blob) : undefined;
}
