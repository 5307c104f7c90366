import { checkOptions } from "../check-options.ts";
import {
  type ComparedPlace,
  type CompareOptions,
  compareContents,
  type DiffReport,
} from "../diff/compare-contents.ts";
import type { ComparedImage } from "../diff/compared-side.ts";
import { OptionInvalidError } from "../errors.ts";
import type { Failure } from "../failure.ts";
import type { Lock } from "../lock/lock.ts";
import { collectNotices } from "../notice.ts";
import { parseReference } from "../oci/reference.ts";
import { rememberLists } from "../pull/plan/remembered-lists.ts";
import type { PlanPullOptions } from "../pull/pull-options.ts";
import type { Selection } from "../selection/grammar/selection.ts";
import { isMissing } from "../store/errors.ts";
import { findNewer, type NewerTags } from "./find-newer.ts";
import {
  type GoneTag,
  type NewTag,
  OUTDATED_MEDIA_TYPE,
  type OutdatedEvent,
  type OutdatedReport,
} from "./outdated-report.ts";
import { planNow } from "./plan-now.ts";
import { readRecorded, readRecordedSelection } from "./recorded-selection.ts";

export interface FindOutdatedOptions
  extends Pick<
      PlanPullOptions,
      "openSource" | "cacheDirectory" | "cacheLimitBytes" | "signal" | "web"
    >,
    Pick<CompareOptions, "openTarget" | "listRepositories" | "modulesPathSuffix"> {
  /** What was taken before: a bundle, a lock or a target. */
  readonly against: ComparedPlace;
  /** What is looked at; default: what the bundle or lock was made for. */
  readonly selection?: Selection | undefined;
  readonly onEvent?: ((event: OutdatedEvent) => void) | undefined;
  /** Time of the day in milliseconds; default: that of the machine. */
  readonly now?: (() => number) | undefined;
}

/** What the source has now, of what a selection takes, against a bundle, a lock or a target. Fetches no layer of an image. */
export async function findOutdated(options: FindOutdatedOptions): Promise<OutdatedReport> {
  checkOptions(options, {
    against: "object",
    selection: "object?",
    openSource: "function",
    onEvent: "function?",
    now: "function?",
    signal: "signal?",
  });
  const { against, now = Date.now } = options;
  const { notices, onEvent } = collectNotices<OutdatedEvent>(options.onEvent);
  const selection = options.selection ?? (await readRecordedSelection(against));
  if (selection === undefined) {
    throw new OptionInvalidError("selection", "nothing says what to look at", {
      hint: "Name images or a source, or compare with a bundle or a lock, which say what they were made for",
    });
  }
  const checkedAt = new Date(now()).toISOString();
  const bundlePath = against.kind === "bundle" ? against.path : undefined;
  const openSource = rememberLists(options.openSource);
  const { lock, failures, missingBytes } = await planNow({
    ...options,
    openSource,
    selection,
    bundlePath,
    onEvent,
  });
  const diff = await compareContents({
    ...options,
    left: against,
    right: { kind: "lock", path: "the source", lock },
    onNotice: (notice) => onEvent({ type: "notice", ...notice }),
  });
  const { gone, left } = await sortRemoved(diff, { ...options, lock });
  const newer = await findNewer({
    ...{ selection, openSource, signal: options.signal },
    onNotice: (notice) => onEvent({ type: "notice", ...notice }),
  });
  const report = describe({ diff, lock, gone, left, newer, failures, checkedAt });
  tell(report, onEvent);
  const bytes = missingBytes ?? diff.bytes.added + diff.bytes.changed.to;
  return { ...report, bytes, notices };
}

interface Found {
  readonly diff: DiffReport;
  readonly lock: Lock;
  readonly gone: readonly GoneTag[];
  readonly left: readonly GoneTag[];
  readonly newer: readonly NewerTags[];
  readonly failures: readonly Failure[];
  readonly checkedAt: string;
}

function describe({
  diff,
  lock,
  gone,
  left,
  newer,
  failures,
  checkedAt,
}: Found): Omit<OutdatedReport, "bytes" | "notices"> {
  const sources = sourcesOf(lock);
  const toNew = ({ repository, tag = "", digest, size }: ComparedImage): NewTag => {
    const source = sources.get(`${repository}@${digest}`);
    return {
      repository,
      tag,
      digest,
      ...(size === undefined ? {} : { size }),
      ...(source === undefined ? {} : { source }),
    };
  };
  const newTags = diff.added.filter(isNamed).map(toNew);
  const movedTags = diff.changed.map(({ from, to }) => ({ ...toNew(to), from: from.digest }));
  const unnamed = {
    added: diff.added.length - newTags.length,
    // What else a target has is not for the source to say
    removed:
      diff.left.kind === "target" ? 0 : diff.removed.filter((image) => !isNamed(image)).length,
  };
  return {
    schemaVersion: 1,
    mediaType: OUTDATED_MEDIA_TYPE,
    checkedAt,
    against: diff.left,
    isOutdated: newTags.length + movedTags.length + gone.length + unnamed.added > 0,
    newTags,
    movedTags,
    goneTags: gone,
    leftTags: left,
    newerTags: newer,
    unnamed,
    failures,
  };
}

function tell(
  {
    newTags,
    movedTags,
    goneTags,
    newerTags,
  }: Pick<OutdatedReport, "newTags" | "movedTags" | "goneTags" | "newerTags">,
  onEvent: (event: OutdatedEvent) => void,
): void {
  for (const one of newTags) onEvent({ type: "newTag", ...one });
  for (const one of movedTags) onEvent({ type: "movedTag", ...one });
  for (const one of goneTags) onEvent({ type: "goneTag", ...one });
  for (const one of newerTags) onEvent({ type: "newerTags", ...one });
}

/** Of the tags that are not taken any more: which of them the source still has. One request for each. */
async function sortRemoved(
  { removed, left: side }: DiffReport,
  { against, lock, openSource, signal }: FindOutdatedOptions & { readonly lock: Lock },
): Promise<{ readonly gone: readonly GoneTag[]; readonly left: readonly GoneTag[] }> {
  const origins = await originsOf(against, lock);
  const gone: GoneTag[] = [];
  const left: GoneTag[] = [];
  for (const { repository, tag, digest } of removed.filter(isNamed)) {
    if (tag === undefined) continue;
    const origin = origins.get(repository);
    // A target may hold what the selection has never been about
    if (origin === undefined && side.kind === "target") continue;
    const isThere = origin !== undefined && (await hasTag(origin, tag, { openSource, signal }));
    (isThere ? left : gone).push({ repository, tag, digest });
  }
  return { gone, left };
}

async function hasTag(
  origin: string,
  tag: string,
  { openSource, signal }: Pick<FindOutdatedOptions, "openSource" | "signal">,
): Promise<boolean> {
  const { registry, repository } = parseReference(origin);
  try {
    await openSource({ registry, repository }).resolve(tag, { signal });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Path below a target → repository of the source that it comes from. */
async function originsOf(against: ComparedPlace, lock: Lock): Promise<ReadonlyMap<string, string>> {
  const locks = [lock, ...(await readRecorded(against))];
  const images = locks.flatMap(({ packages }) =>
    packages.flatMap((one) => one.layouts.flatMap((layout) => layout.images)),
  );
  return new Map(
    images.map(({ repository, source }) => [repository, source.replace(/(?:@|:[^/]*$).*$/, "")]),
  );
}

function sourcesOf({ packages }: Lock): ReadonlyMap<string, string> {
  const images = packages.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  return new Map(
    images.map(({ repository, digest, source }) => [`${repository}@${digest}`, source]),
  );
}

/** Tags that only repeat a digest name nothing. */
function isNamed({ tag }: ComparedImage): boolean {
  return tag !== undefined && !/^[0-9a-f]{64}$/.test(tag);
}
