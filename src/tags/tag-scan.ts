import pLimit from "p-limit";
import { MirrorError } from "../errors.ts";
import { type Failure, toFailure } from "../failure.ts";
import { parseCosignTag } from "../oci/cosign-tag.ts";
import type { Platform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import type { SourceRepository } from "../store/store.ts";
import { type LabelSource, readLabels } from "./label-sources.ts";
import type {
  LastError,
  ReadTagsOptions,
  TagDescription,
  TagOrder,
  TagRow,
  TagsEvent,
} from "./read-tags-options.ts";
import type { ListLook, LookError, RepositoryRecords } from "./repository-records.ts";
import { RepositoryTags, type SeenTag } from "./repository-tags.ts";
import { isSigned } from "./signatures.ts";
import { sortRows } from "./sort-rows.ts";

/** Requests at once. */
const CONCURRENCY = 10;

/** What was asked for, read. */
export interface ScanWishes {
  readonly matches: (tag: string) => boolean;
  readonly order: TagOrder;
  readonly platform: Platform | undefined;
  readonly labelSources: readonly LabelSource[];
}

interface ScanOptions {
  readonly options: ReadTagsOptions;
  readonly wishes: ScanWishes;
  readonly records: RepositoryRecords;
  readonly source: SourceRepository;
  readonly list: ListLook;
  readonly onEvent: (event: TagsEvent) => void;
  readonly now: () => number;
}

/** One look at many tags. */
export class TagScan {
  readonly failures: Failure[] = [];
  readonly #scan: ScanOptions;
  readonly #tags: RepositoryTags;
  /** What the list tells of signatures. */
  readonly #signed: ReadonlySet<string>;
  #lastError: LookError | undefined;

  constructor(scan: ScanOptions) {
    this.#scan = scan;
    const { list, options, records, source, now, wishes } = scan;
    this.#signed = new Set(
      list.tags.flatMap((tag) => {
        const belonging = parseCosignTag(tag);
        return belonging?.suffix === "sig" ? belonging.subject : [];
      }),
    );
    this.#tags = new RepositoryTags({
      repository: options.repository,
      source,
      records,
      now,
      ...(options.refresh ? { maximumAgeMs: 0 } : {}),
      platform: wishes.platform,
      isWhole: true,
      signal: options.signal,
    });
  }

  get lastError(): LookError | undefined {
    return this.#lastError;
  }

  /** From now on, only what is known is told. */
  stop(error: LookError): void {
    this.#lastError ??= error;
  }

  /** The rows of tags in their order, as many as are wanted. */
  async run(tags: readonly string[]): Promise<readonly TagRow[]> {
    const { options, wishes } = this.#scan;
    const { limit = Number.POSITIVE_INFINITY } = options;
    if (wishes.order === "created") {
      return withinLimit(sortRows(await this.#describeAll(tags), "created"), limit);
    }
    const sorted = sortRows(
      tags.map((tag) => ({ tag })),
      wishes.order,
    ).map(({ tag }) => tag);
    const rows: TagRow[] = [];
    // No more tags are asked for than are wanted
    for (let position = 0, wanted = limit; position < sorted.length && wanted > 0; ) {
      const batch = sorted.slice(position, position + wanted);
      position += batch.length;
      rows.push(...(await this.#describeAll(batch)));
      wanted = limit - rows.filter(({ excluded }) => excluded === undefined).length;
    }
    return rows;
  }

  async #describeAll(tags: readonly string[]): Promise<readonly TagRow[]> {
    const limit = pLimit(this.#scan.options.concurrency ?? CONCURRENCY);
    const rows: (TagRow | undefined)[] = [];
    // Most tags of a second look wait for nothing: ten thousand promises would take longer than they
    const waiting = tags.flatMap((tag, position) => {
      rows[position] = this.#tell(tag);
      if (rows[position] !== undefined) return [];
      return limit(async () => {
        rows[position] = await this.#describe(tag);
      });
    });
    await Promise.all(waiting);
    return rows.filter((row) => row !== undefined);
  }

  /** The row of a tag of which all is known that was asked for. */
  #tell(tag: string): TagRow | undefined {
    const belonging = parseCosignTag(tag) ?? parseFallback(tag);
    if (belonging !== undefined) return { tag, excluded: `it belongs to ${belonging.subject}` };
    const { options } = this.#scan;
    const seen = this.#lastError ? this.#tags.known(tag) : this.#tags.fresh(tag);
    const isAsked = options.signatures && !this.#lastError && !this.#isSigned(seen);
    return seen && !isAsked ? this.#toRow(tag, seen, this.#isSigned(seen) || undefined) : undefined;
  }

  async #describe(tag: string): Promise<TagRow | undefined> {
    const { options } = this.#scan;
    const subject = formatReference({ ...options.repository, tag });
    try {
      const seen = this.#lastError ? this.#tags.known(tag) : await this.#tags.look(tag);
      if (seen !== undefined) return this.#toRow(tag, seen, await this.#readSigned(seen));
      const reason = this.#lastError
        ? "nothing is known of it, and the registry cannot be asked"
        : "the registry lists the tag, and does not have it";
      this.failures.push({
        code: "REGISTRY_NOT_FOUND",
        subject,
        message: `Cannot read "${subject}": ${reason}`,
      });
      return undefined;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof MirrorError)) throw error;
      return await this.#afterFailure(tag, error, subject);
    }
  }

  /** The last that is known of a tag; a registry that does not answer is not asked again. */
  async #afterFailure(
    tag: string,
    error: MirrorError,
    subject: string,
  ): Promise<TagRow | undefined> {
    const { now, records } = this.#scan;
    const noted = { at: now(), message: error.message };
    if (isAboutRegistry(error)) this.stop(noted);
    records.noteError(noted, tag);
    const known = this.#tags.known(tag);
    if (known === undefined || !isAboutRegistry(error))
      this.failures.push(toFailure(error, subject));
    return known && this.#toRow(tag, known, this.#isSigned(known) || undefined);
  }

  #toRow(tag: string, seen: SeenTag, signed: boolean | undefined): TagRow {
    const { details } = seen;
    if (details.excluded !== undefined) return { tag, excluded: details.excluded };
    const { onEvent, wishes, records, options } = this.#scan;
    const { badTimes, created, labels } = readLabels(details.labels, wishes.labelSources);
    const subject = formatReference({ ...options.repository, tag });
    for (const bad of badTimes) {
      onEvent({
        type: "notice",
        code: "TIME_INVALID",
        message: `${bad} of "${subject}" is not a time`,
      });
    }
    if (details.absent.length > 0) {
      const message = `"${subject}" lists ${details.absent.join(", ")}, and the registry does not have it`;
      onEvent({ type: "notice", code: "TAG_INCOMPLETE", message });
    }
    const { digest, mediaType, platforms, size, type } = details;
    const error = records.error(tag) ?? this.#lastError;
    return {
      tag,
      digest,
      mediaType,
      type,
      platforms,
      ...(created === undefined ? {} : { created }),
      ...(size === undefined ? {} : { size }),
      labels,
      ...(signed === undefined ? {} : { signed }),
      lastFetched: formatTime(seen.checkedAt),
      ...(error === undefined ? {} : { lastError: describeError(error) }),
    } satisfies TagDescription;
  }

  /** Whether a tag tells of a signature. */
  #isSigned(seen: SeenTag | undefined): boolean {
    return seen !== undefined && this.#signed.has(seen.digest);
  }

  async #readSigned({ digest }: SeenTag): Promise<boolean | undefined> {
    if (this.#signed.has(digest)) return true;
    const { options, source } = this.#scan;
    if (!options.signatures || this.#lastError) return undefined;
    return await isSigned(digest, source, options);
  }
}

/** Failures after which the next request would fail as well. */
function isAboutRegistry({ code }: MirrorError): boolean {
  return ["REGISTRY_UNREACHABLE", "REGISTRY_LIMITED", "REGISTRY_DENIED"].includes(code);
}

/** Where a registry has no list of referrers, clients keep one below the digest: `sha256-<hex>`. */
function parseFallback(tag: string): { readonly subject: string } | undefined {
  const [, algorithm, hex] = /^(sha256|sha384|sha512)-([0-9a-f]{64,128})$/.exec(tag) ?? [];
  return hex === undefined ? undefined : { subject: `${algorithm}:${hex}` };
}

function withinLimit(rows: readonly TagRow[], limit: number): readonly TagRow[] {
  let left = limit;
  return rows.filter(({ excluded }) => excluded !== undefined || left-- > 0);
}

export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

export function describeError({ at, message }: LookError): LastError {
  return { at: formatTime(at), message };
}
