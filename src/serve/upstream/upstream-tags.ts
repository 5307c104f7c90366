import { isFresh, nextInterval } from "../../cache/refresh-rule.ts";
import type { PullStore } from "../../cache/served/pull-store.ts";
import type { TagPlace, TagRecord } from "../../cache/served/tag-records.ts";
import { MirrorError } from "../../errors.ts";
import type { ServedManifest } from "../../server/backend.ts";
import type { Manifest } from "../../store/store.ts";
import type { OnServeEvent } from "../serve-event.ts";
import type { UpstreamAccess } from "./upstream.ts";

export interface UpstreamTagsOptions {
  readonly access: UpstreamAccess;
  readonly store: PullStore;
  /** A tag is believed for this long at first, then longer the longer it has not moved. */
  readonly revalidateMs: number;
  readonly onEvent: OnServeEvent;
}

/** An upstream that did not answer is left in peace for so long. */
const PAUSE_MS = 60_000;

/**
 * Tags of one upstream, as they were when it was asked last, or as they are now. The time that a tag is believed doubles
 * when it has not moved, and halves when it has.
 */
export class UpstreamTags {
  readonly #options: UpstreamTagsOptions;
  readonly #pausedUntil = new Map<string, number>();

  constructor(options: UpstreamTagsOptions) {
    this.#options = options;
  }

  /** Undefined: the upstream does not have the tag. */
  read(repository: string, tag: string): Promise<ServedManifest | undefined> {
    const { access } = this.#options;
    return access.share(`tag ${repository}:${tag}`, () => {
      return this.#read({ namespace: access.namespace, repository, tag });
    });
  }

  async #read(place: TagPlace): Promise<ServedManifest | undefined> {
    const { access, store } = this.#options;
    const record = this.#asWished(await store.tags.read(place));
    const kept = record && (await store.readManifest(record.digest));
    if (record === undefined || kept === undefined) {
      return await this.#fetch(place, this.#options.revalidateMs);
    }
    if (isFresh(record, access.now())) return { ...kept, cache: "hit" };
    const isPaused = access.now() < (this.#pausedUntil.get(keyOf(place)) ?? 0);
    if (access.isOffline || isPaused) return { ...kept, cache: "stale" };
    // Each tag would wait for its turn, or for a connection that does not come
    if (access.resting !== undefined) return this.#serveStale(place, kept, access.resting);
    try {
      return await this.#revalidate(place, record, kept);
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      return this.#serveStale(place, kept, error.message);
    }
  }

  #serveStale(place: TagPlace, kept: Manifest, message: string): ServedManifest {
    this.#pausedUntil.set(keyOf(place), this.#options.access.now() + PAUSE_MS);
    this.#options.onEvent({ type: "stale-served", ...place, message });
    return { ...kept, cache: "stale" };
  }

  /** A user who wants tags to be believed for another time than before means those that are known as well. */
  #asWished(record: TagRecord | undefined): TagRecord | undefined {
    const { revalidateMs } = this.#options;
    const isAsWished = record === undefined || record.firstMs === revalidateMs;
    return isAsWished ? record : { ...record, intervalMs: revalidateMs };
  }

  async #fetch(place: TagPlace, intervalMs: number): Promise<ServedManifest | undefined> {
    const { access, store } = this.#options;
    const found = await access.ask(place.repository, place.tag, (source, options) =>
      source.fetchManifest(place.tag, options),
    );
    if (found === undefined) return undefined;
    await store.writeManifest(found);
    await this.#note(place, found, intervalMs);
    return { ...found, cache: "miss" };
  }

  /** A HEAD; only of a tag that has moved the manifest is fetched. */
  async #revalidate(
    place: TagPlace,
    record: TagRecord,
    kept: Manifest,
  ): Promise<ServedManifest | undefined> {
    const { access, revalidateMs, store } = this.#options;
    const now = await access.ask(place.repository, place.tag, (source, options) =>
      source.resolve(place.tag, options),
    );
    this.#pausedUntil.delete(keyOf(place));
    if (now === undefined) {
      await store.tags.remove(place);
      return undefined;
    }
    const next = (hasChanged: boolean) =>
      nextInterval(record.intervalMs, { hasChanged, firstMs: revalidateMs });
    if (now.digest === record.digest) {
      await this.#note(place, kept, next(false));
      return { ...kept, cache: "hit" };
    }
    return await this.#fetch(place, next(true));
  }

  async #note(place: TagPlace, { descriptor }: Manifest, intervalMs: number): Promise<void> {
    const { access, revalidateMs, store } = this.#options;
    const checkedAt = access.now();
    const { digest } = descriptor;
    await store.writeTag(place, { digest, checkedAt, intervalMs, firstMs: revalidateMs });
  }
}

function keyOf({ repository, tag }: TagPlace): string {
  return `${repository}:${tag}`;
}
