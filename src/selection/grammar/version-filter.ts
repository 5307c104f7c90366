import { compareTexts } from "../../compare-texts.ts";
import { anchorsOf, type Constraint, satisfies } from "../../versions/constraint.ts";
import { parseVersion } from "../../versions/tag-version.ts";
import { compareVersions, minorOf, type Version } from "../../versions/version.ts";
import { constraintOf, type RangeFilter } from "./range-filter.ts";
import type { VersionFilter } from "./selection.ts";
import { exactPinsOf } from "./selector.ts";

export interface SelectTagsOptions {
  /** Of a range keep only the highest patch of each minor, and versions named with `>=` or `<=`. */
  readonly latestPatch?: boolean | undefined;
  /** Which tags are versions; default `parseVersion`. */
  readonly parse?: ParseTag | undefined;
}

type ParseTag = (tag: string) => Version | undefined;

interface VersionTag {
  readonly tag: string;
  readonly version: Version;
}

/**
 * The tags that a filter takes, in the spelling of the registry, in ascending order of their versions; exact tags that
 * are no versions come last. Two tags for one version are both taken. Tags that are no versions (`latest`, `2`) are
 * taken by exact name only.
 */
export function selectTags(
  tags: readonly string[],
  filter: VersionFilter,
  options: SelectTagsOptions = {},
): string[] {
  const selected = new Set(filter.kind === "range" ? selectRange(tags, filter, options) : []);
  const pinned = new Set(exactPinsOf(filter).map(({ tag }) => tag));
  for (const tag of tags) if (pinned.has(tag)) selected.add(tag);
  return sortTags([...selected], options.parse);
}

/** Whether a version lies in the range of a filter; false for filters without one. */
export function isInRange(tag: string, filter: VersionFilter): boolean {
  const version = parseVersion(tag);
  return (
    filter.kind === "range" && version !== undefined && satisfies(constraintOf(filter), version)
  );
}

/** Ascending by version; tags that are no versions follow in alphabetical order. */
export function sortTags(tags: readonly string[], parse: ParseTag = parseVersion): string[] {
  const versions = versionTags(tags, parse).toSorted(compareVersionTags);
  const others = tags.filter((tag) => parse(tag) === undefined);
  return [...versions.map(({ tag }) => tag), ...others.toSorted()];
}

function selectRange(
  tags: readonly string[],
  filter: RangeFilter,
  { latestPatch = false, parse = parseVersion }: SelectTagsOptions,
): string[] {
  const constraint = constraintOf(filter);
  const matching = versionTags(tags, parse).filter(({ version }) => satisfies(constraint, version));
  const kept = latestPatch ? keepLatestPatches(matching, constraint) : matching;
  return kept.map(({ tag }) => tag);
}

function keepLatestPatches(matching: readonly VersionTag[], constraint: Constraint): VersionTag[] {
  const highest = new Map<string, Version>();
  for (const { version } of matching) {
    const minor = minorOf(version);
    const best = highest.get(minor);
    if (best === undefined || compareVersions(version, best) > 0) highest.set(minor, version);
  }
  const anchors = anchorsOf(constraint);
  return matching.filter(
    ({ version }) =>
      highest.get(minorOf(version))?.text === version.text ||
      anchors.some(({ text }) => text === version.text),
  );
}

function versionTags(tags: readonly string[], parse: ParseTag): VersionTag[] {
  return tags.flatMap((tag) => {
    const version = parse(tag);
    return version === undefined ? [] : [{ tag, version }];
  });
}

function compareVersionTags(left: VersionTag, right: VersionTag): number {
  return compareVersions(left.version, right.version) || compareTexts(left.tag, right.tag);
}
