import { compareTexts } from "../../compare-texts.ts";
import {
  anchorsOf,
  type Constraint,
  parseConstraint,
  satisfies,
} from "../../versions/constraint.ts";
import {
  createTagMatcher,
  formatTagPolicy,
  isVersionPolicy,
  parsePolicyVersion,
  type TagPolicy,
} from "../../versions/tag-policy.ts";
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
  const selected = new Set(selectListed(tags, filter, options));
  const pinned = new Set(exactPinsOf(filter).map(({ tag }) => tag));
  for (const tag of tags) if (pinned.has(tag)) selected.add(tag);
  return sortTags([...selected], options.parse);
}

/** Whether a filter chooses among the tags that there are. */
export function isListing(filter: VersionFilter): filter is ListingFilter {
  return filter.kind === "range" || filter.kind === "policy";
}

export type ListingFilter = VersionFilter & { readonly kind: "range" | "policy" };

/** As a user would write it behind `@`. */
export function formatFilter(filter: ListingFilter): string {
  return filter.kind === "range" ? filter.range : filter.policies.map(formatTagPolicy).join(" or ");
}

/** Whether the newest of the tags that a filter takes is the one of the highest version. */
export function isByVersion(filter: VersionFilter): boolean {
  return filter.kind !== "policy" || filter.policies.every(isVersionPolicy);
}

/** Whether a tag lies in the range of a filter, or fits a policy of it; false for filters without either. */
export function isInRange(tag: string, filter: VersionFilter): boolean {
  if (filter.kind === "policy") return filter.policies.some((policy) => matcherOf(policy)(tag));
  const version = parseVersion(tag);
  return (
    filter.kind === "range" && version !== undefined && satisfies(constraintOf(filter), version)
  );
}

/** What a policy means; it is read once. */
const MATCHERS = new WeakMap<TagPolicy, (tag: string) => boolean>();

export function matcherOf(policy: TagPolicy, parse?: ParseTag): (tag: string) => boolean {
  if (policy.kind === "range") return createTagMatcher(policy, parse);
  const known = MATCHERS.get(policy) ?? createTagMatcher(policy);
  MATCHERS.set(policy, known);
  return known;
}

/** Ascending by version; tags that are no versions follow in alphabetical order. */
export function sortTags(tags: readonly string[], parse: ParseTag = parseVersion): string[] {
  const versions = versionTags(tags, parse).toSorted(compareVersionTags);
  const others = tags.filter((tag) => parse(tag) === undefined);
  return [...versions.map(({ tag }) => tag), ...others.toSorted()];
}

function selectListed(
  tags: readonly string[],
  filter: VersionFilter,
  options: SelectTagsOptions,
): readonly string[] {
  if (filter.kind === "range") return selectRange(tags, filter, options);
  if (filter.kind !== "policy") return [];
  return filter.policies.flatMap((policy) => selectPolicy(tags, policy, options));
}

function selectPolicy(
  tags: readonly string[],
  policy: TagPolicy,
  options: SelectTagsOptions,
): readonly string[] {
  if (policy.kind === "range")
    return selectRange(tags, { kind: "range", range: policy.pattern }, options);
  const taken = tags.filter(matcherOf(policy));
  if (policy.kind !== "semver" || !options.latestPatch) return taken;
  const versions = versionTags(taken, parsePolicyVersion);
  return keepLatestPatches(versions, parseConstraint(policy.pattern)).map(({ tag }) => tag);
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
