import { isFresh, nextInterval } from "../cache/refresh-rule.ts";
import { MirrorError } from "../errors.ts";
import { isMissing } from "../store/errors.ts";
import type { OperationOptions, TagSource } from "../store/store.ts";
import type { ListLook, LookError, RepositoryRecords } from "./repository-records.ts";

/** New tags are what lists are asked for: they are believed for less long than tags. */
const FIRST_MS = 5 * 60_000;
const LONGEST_MS = 3_600_000;

export interface LookAtListOptions extends OperationOptions {
  readonly source: TagSource;
  readonly records: RepositoryRecords;
  readonly now: () => number;
  /** Ask, however lately it was asked for. */
  readonly refresh: boolean;
}

/** The tags of a repository, as they are or, where the registry cannot be asked, as they were. */
export async function lookAtList({
  source,
  records,
  now,
  refresh,
  signal,
}: LookAtListOptions): Promise<{
  readonly list: ListLook;
  readonly error?: LookError | undefined;
}> {
  const known = records.list;
  if (known !== undefined && !refresh && isFresh(known, now())) return { list: known };
  try {
    const tags: string[] = [];
    for await (const tag of source.listTags({ signal })) tags.push(tag);
    const look = { tags, checkedAt: now(), intervalMs: intervalAfter(known, tags) };
    records.noteList(look);
    return { list: look };
  } catch (error) {
    signal?.throwIfAborted();
    // That there is no such repository is an answer
    if (isMissing(error)) throw error;
    if (!(error instanceof MirrorError)) throw error;
    const noted = { at: now(), message: error.message };
    records.noteError(noted);
    if (known === undefined) throw error;
    return { list: known, error: noted };
  }
}

function intervalAfter(known: ListLook | undefined, tags: readonly string[]): number {
  if (known === undefined) return FIRST_MS;
  const hasChanged = known.tags.join(" ") !== tags.join(" ");
  return Math.min(nextInterval(known.intervalMs, { hasChanged, firstMs: FIRST_MS }), LONGEST_MS);
}
