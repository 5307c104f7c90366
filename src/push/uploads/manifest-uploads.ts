import type { Clock } from "../../io/clock.ts";
import { childrenOf } from "../../oci/children.ts";
import { coreOf, type Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { ContentUnknownError } from "../../store/errors.ts";
import type { Manifest, OperationOptions, TargetRepository } from "../../store/store.ts";
import { ContentNotKeptError } from "../errors.ts";
import { lookAgain } from "../look-again.ts";
import type { PushPlace } from "../push-place.ts";
import type { BlobUploads, EnsureOptions } from "./blob-uploads.ts";

export interface ManifestUploadsOptions extends OperationOptions {
  readonly openTarget: (reference: RepositoryReference) => TargetRepository;
  readonly blobs: BlobUploads;
  /** Believe the target that it keeps what it has taken. */
  readonly trustTarget: boolean;
  readonly clock: Clock;
}

interface Ensured {
  readonly manifest: Descriptor;
  /** Whether it had to be sent. */
  readonly sent: Promise<boolean>;
}

/** Before a manifest is put again whose content was not known: caches get old, new blobs come into view. */
const UNKNOWN_WAITS_MS = [1_000, 4_000, 15_000];
const CONFIRM_WAITS_MS = [1_000, 2_000, 4_000];

/** Brings manifests into repositories whose content is there, each once per run. */
export class ManifestUploads {
  readonly #options: ManifestUploadsOptions;
  /** By repository and digest. */
  readonly #ensured = new Map<string, Ensured>();

  /** Children that were sent again with what is below them. */
  readonly #resent = new Set<string>();

  constructor(options: ManifestUploadsOptions) {
    this.#options = options;
  }

  /** Idempotent; afterwards the manifest is in the repository. Whether it had to be sent. */
  ensure(place: PushPlace, manifest: Descriptor, { isClaimed }: EnsureOptions): Promise<boolean> {
    const key = formatReference({ ...place.target, digest: manifest.digest });
    const known = this.#ensured.get(key);
    if (known !== undefined) return known.sent;
    const sent = this.#bring(place, manifest, isClaimed);
    this.#ensured.set(key, { manifest, sent });
    return sent;
  }

  /**
   * Brings again what is ensured and went away with the tag that named it: zot 2.1 forgets a manifest when its only tag moves,
   * although indexes contain it. What this run knows nothing of is the target's own.
   */
  async keep(place: PushPlace, digest: Digest): Promise<void> {
    const known = this.#ensured.get(formatReference({ ...place.target, digest }));
    if (known !== undefined) await this.#bring(place, known.manifest, true);
  }

  /** Stores a manifest; what the target does not know of its content is sent again, three times. */
  async put(place: PushPlace, manifest: Manifest, reference: string): Promise<void> {
    const { clock, openTarget, signal } = this.#options;
    for (const waitMs of [...UNKNOWN_WAITS_MS, undefined]) {
      try {
        await openTarget(place.target).pushManifest(manifest, reference, { signal });
        return;
      } catch (error) {
        if (!(error instanceof ContentUnknownError) || waitMs === undefined) throw error;
        await this.#sendAgain(place, manifest, error.digests);
        await clock.sleep(waitMs, signal);
      }
    }
  }

  async #bring(place: PushPlace, wanted: Descriptor, isClaimed: boolean): Promise<boolean> {
    const { clock, openTarget, signal, trustTarget } = this.#options;
    const target = openTarget(place.target);
    if (isClaimed && (await target.exists(wanted, { signal }))) return false;
    await this.put(place, await place.readManifest(wanted), wanted.digest);
    if (trustTarget) return true;
    const look = async () => ((await target.exists(wanted, { signal })) ? true : undefined);
    if (await lookAgain(look, { clock, signal, waitsMs: CONFIRM_WAITS_MS })) return true;
    throw new ContentNotKeptError(formatReference({ ...place.target, digest: wanted.digest }));
  }

  /** Sends what is named; everything that the manifest points at if nothing of it is. */
  async #sendAgain(
    place: PushPlace,
    { bytes, descriptor }: Manifest,
    named: readonly Digest[],
  ): Promise<void> {
    const { digest, mediaType } = descriptor;
    const children = childrenOf(parseManifest(bytes, mediaType, digest));
    const isHere = (child: Descriptor) => place.has(child.digest);
    const [blobs, manifests] = [children.blobs.filter(isHere), children.manifests.filter(isHere)];
    const isNamed = (child: Descriptor) => named.includes(child.digest);
    const isWanted = [...blobs, ...manifests].some(isNamed) ? isNamed : () => true;
    for (const blob of blobs.filter(isWanted)) {
      await this.#options.blobs.sendAgain(place, coreOf(blob));
    }
    for (const child of manifests.filter(isWanted))
      await this.#sendChildAgain(place, coreOf(child));
  }

  /** With all that is below it, once a run: tries of an index, of its index and so on would multiply. */
  async #sendChildAgain(place: PushPlace, child: Descriptor): Promise<void> {
    const key = formatReference({ ...place.target, digest: child.digest });
    const manifest = await place.readManifest(child);
    const target = this.#options.openTarget(place.target);
    const { signal } = this.#options;
    if (this.#resent.has(key)) {
      await target.pushManifest(manifest, child.digest, { signal });
      return;
    }
    this.#resent.add(key);
    await this.put(place, manifest, child.digest);
  }
}
