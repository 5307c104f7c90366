import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { option } from "../../option.ts";
import { formatTagPolicy, parsePolicyVersion } from "../../versions/tag-policy.ts";
import type { Version } from "../../versions/version.ts";
import { thresholdOf } from "../grammar/parse-tag-limits.ts";
import type { Selection, TagLimits } from "../grammar/selection.ts";
import {
  isByVersion,
  type ListingFilter,
  matcherOf,
  selectTags,
  sortTags,
} from "../grammar/version-filter.ts";
import type { SourceReader } from "./source-reader.ts";
import type { Creation } from "./time-reader.ts";

export interface ChooseTagsOptions {
  readonly selection: Pick<Selection, "latestPatch" | "tags">;
  readonly reader: SourceReader;
  /** Which tags are versions, for ranges. */
  readonly parse?: ((tag: string) => Version | undefined) | undefined;
}

/**
 * The tags that a range or policy takes and that no limit leaves out, oldest version first. Each that is left out is
 * reported with its reason. Times are asked for only where they decide, and from the newest version down only until there
 * are enough.
 */
export async function chooseTags(
  repository: RepositoryReference,
  { tags, filter }: { readonly tags: readonly string[]; readonly filter: ListingFilter },
  { selection, reader, parse }: ChooseTagsOptions,
): Promise<string[]> {
  const { latestPatch, tags: limits } = selection;
  const leaveOut: LeaveOut = (tag, reason, creation) => {
    const undated = creation !== undefined && creation.created === undefined;
    const about = { repository: formatReference(repository), tag, reason };
    reader.exclude({ ...about, ...(undated ? { isUndated: true } : {}) });
  };
  const matching = selectTags(tags, filter, { latestPatch, parse }).filter((tag) => {
    const reason = excludingPolicy(tag, selection);
    if (reason !== undefined) leaveOut(tag, reason);
    return reason === undefined;
  });
  if (limits.latest === undefined && limits.newerThan === undefined) return matching;
  const created = isByVersion(filter) ? undefined : await readTimes(repository, matching, reader);
  const creationOf = async (tag: string) =>
    created ? created.get(tag) : await reader.readCreated(repository, tag);
  const newestFirst = created ? byTime(matching, created) : byVersion(matching);
  const options = { limits, creationOf, created, leaveOut, now: reader.now() };
  const chosen = await takeNewest(newestFirst, options);
  return sortTags(chosen, parse);
}

/** The creation is given where it decides. */
type LeaveOut = (tag: string, reason: string, creation?: Creation) => void;

interface TakeOptions {
  readonly limits: TagLimits;
  readonly creationOf: (tag: string) => Promise<Creation | undefined>;
  /** Where the order is that of the times. */
  readonly created: ReadonlyMap<string, Creation | undefined> | undefined;
  readonly leaveOut: LeaveOut;
  readonly now: number;
}

/** How many times are asked for at once where there is no saying how many are needed. */
const LOOKAHEAD = 8;

async function takeNewest(
  newestFirst: readonly string[],
  {
    limits: { latest = Number.POSITIVE_INFINITY, newerThan },
    creationOf,
    created,
    leaveOut,
    now,
  }: TakeOptions,
): Promise<readonly string[]> {
  const chosen: string[] = [];
  const threshold = newerThan && thresholdOf(newerThan, now);
  let position = 0;
  while (position < newestFirst.length && chosen.length < latest) {
    const batch = newestFirst.slice(
      position,
      position + Math.min(latest - chosen.length, LOOKAHEAD),
    );
    position += batch.length;
    const looks = await Promise.all(
      batch.map(async (tag) => {
        if (threshold === undefined) return {};
        const creation = await creationOf(tag);
        return { creation, reason: whyTooOld(creation, threshold) };
      }),
    );
    for (const [at, tag] of batch.entries()) {
      const { reason, creation } = looks[at] ?? {};
      if (reason === undefined) chosen.push(tag);
      else leaveOut(tag, reason, creation);
    }
  }
  for (const tag of newestFirst.slice(position)) {
    const reason = `${option("latest")} takes ${latest}, and it is not among the newest`;
    leaveOut(tag, reason, created?.get(tag));
  }
  return chosen;
}

/** Why a tag is left out by its name; undefined: it is not. */
export function excludingPolicy(
  tag: string,
  { tags: { excludeTags } }: Pick<Selection, "tags">,
): string | undefined {
  const policy = excludeTags.find((one) => matcherOf(one)(tag));
  return policy && `${option("excludeTags")} "${formatTagPolicy(policy)}" leaves it out`;
}

async function readTimes(
  repository: RepositoryReference,
  tags: readonly string[],
  reader: SourceReader,
): Promise<ReadonlyMap<string, Creation | undefined>> {
  const times = tags.map(async (tag) => [tag, await reader.readCreated(repository, tag)] as const);
  return new Map(await Promise.all(times));
}

/** Newest first, what says no time last; what was made at the same time by its name. */
function byTime(
  tags: readonly string[],
  created: ReadonlyMap<string, Creation | undefined>,
): readonly string[] {
  const timeOf = (tag: string) =>
    Date.parse(created.get(tag)?.created ?? "") || Number.NEGATIVE_INFINITY;
  return sortTags(tags)
    .reverse()
    .sort((left, right) => Math.sign(timeOf(right) - timeOf(left)) || 0);
}

function byVersion(tags: readonly string[]): readonly string[] {
  return sortTags(tags, parsePolicyVersion).reverse();
}

function whyTooOld(creation: Creation | undefined, threshold: number): string | undefined {
  if (creation === undefined) return "the repository lists the tag, and does not have it";
  const { created } = creation;
  if (created === undefined)
    return `it does not say when it was made, and ${option("newerThan")} asks`;
  if (Date.parse(created) >= threshold) return undefined;
  return `it was made at ${created}, which ${option("newerThan")} leaves out`;
}

/** The options that may have left something out. */
export function namesOfLimits({ latest, newerThan, excludeTags }: TagLimits): string {
  const names = [
    ...(excludeTags.length > 0 ? [option("excludeTags")] : []),
    ...(newerThan === undefined ? [] : [option("newerThan")]),
    ...(latest === undefined ? [] : [option("latest")]),
  ];
  return names.join(", ");
}
