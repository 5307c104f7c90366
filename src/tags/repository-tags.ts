import {
  EXCLUDED_REFRESH_MS,
  FIRST_REFRESH_MS,
  isFresh,
  nextInterval,
} from "../cache/refresh-rule.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import { isMissing } from "../store/errors.ts";
import type { Manifest, OperationOptions, SourceRepository } from "../store/store.ts";
import { type ImageDetails, readImageDetails } from "./image-details.ts";
import type { RepositoryRecords, TagLook } from "./repository-records.ts";

export interface RepositoryTagsOptions extends OperationOptions {
  readonly repository: RepositoryReference;
  readonly source: Pick<SourceRepository, "fetch" | "fetchManifest" | "resolve">;
  readonly records: RepositoryRecords;
  /** Time of the day in milliseconds. */
  readonly now: () => number;
  /** A look that is not older is believed; default: as the rule of refreshing says. 0: none is. */
  readonly maximumAgeMs?: number | undefined;
  /** Of an index, the platform that counts. */
  readonly platform?: Platform | undefined;
  /** False: nothing but times and labels is wanted. */
  readonly isWhole: boolean;
}

/** A tag, as the registry has it now or had it when it was asked last. */
export interface SeenTag extends TagLook {
  readonly details: ImageDetails;
}

/** The tags of one repository, each asked for only if what is known of it is too old, and each digest read once for good. */
export class RepositoryTags {
  readonly #options: RepositoryTagsOptions;
  readonly #platform: string;

  constructor(options: RepositoryTagsOptions) {
    this.#options = options;
    this.#platform = options.platform ? formatPlatform(options.platform) : "";
  }

  /** What is known, whatever its age. */
  known(tag: string): SeenTag | undefined {
    const look = this.#options.records.tag(tag);
    const details = look && this.#detailsOf(look);
    return look && details && { ...look, details };
  }

  /** What is known and is not too old. */
  fresh(tag: string): SeenTag | undefined {
    const { maximumAgeMs, now } = this.#options;
    const known = this.known(tag);
    if (known === undefined) return undefined;
    const refresh = maximumAgeMs === undefined ? known : { ...known, intervalMs: maximumAgeMs };
    return isFresh(refresh, now()) ? known : undefined;
  }

  /** Undefined: the repository does not have it. */
  async look(tag: string): Promise<SeenTag | undefined> {
    const fresh = this.fresh(tag);
    if (fresh !== undefined) return fresh;
    const { records } = this.#options;
    try {
      const look = records.tag(tag);
      return look === undefined ? await this.#first(tag) : await this.#again(tag, look);
    } catch (error) {
      if (!isMissing(error)) throw error;
      records.noteGone(tag);
      return undefined;
    }
  }

  async #first(tag: string): Promise<SeenTag> {
    const { source, signal } = this.#options;
    const manifest = await source.fetchManifest(tag, { signal });
    return this.#note(tag, await this.#read(tag, manifest), FIRST_REFRESH_MS);
  }

  /** A HEAD; only of a tag that has moved to what is not known the manifest is fetched. */
  async #again(tag: string, look: TagLook): Promise<SeenTag> {
    const { source, signal } = this.#options;
    const { digest } = await source.resolve(tag, { signal });
    const known = this.#detailsOf({ digest });
    const details =
      known ?? (await this.#read(tag, await source.fetchManifest(digest, { signal })));
    const hasChanged = digest !== look.digest;
    return this.#note(
      tag,
      details,
      nextInterval(look.intervalMs, { hasChanged, firstMs: FIRST_REFRESH_MS }),
    );
  }

  async #read(tag: string, manifest: Manifest): Promise<ImageDetails> {
    const { digest } = manifest.descriptor;
    const known = this.#detailsOf({ digest });
    if (known !== undefined) return known;
    const { isWhole, platform, records, repository, signal, source } = this.#options;
    const subject = formatReference({ ...repository, tag });
    const details = await readImageDetails(manifest, {
      source,
      subject,
      platform,
      isWhole,
      signal,
    });
    records.noteDetails(details, this.#platform);
    return details;
  }

  #note(tag: string, details: ImageDetails, intervalMs: number): SeenTag {
    const { records, now } = this.#options;
    const look: TagLook = {
      digest: details.digest,
      checkedAt: now(),
      intervalMs: details.excluded === undefined ? intervalMs : EXCLUDED_REFRESH_MS,
    };
    records.noteTag(tag, look);
    return { ...look, details };
  }

  /** Of a digest, if enough of it is known. */
  #detailsOf({ digest }: Pick<TagLook, "digest">): ImageDetails | undefined {
    const details = this.#options.records.details(digest, this.#platform);
    const isWhole =
      details?.size !== undefined ||
      details?.excluded !== undefined ||
      (details?.absent.length ?? 0) > 0;
    const isEnough = isWhole || !this.#options.isWhole;
    return isEnough ? details : undefined;
  }
}
