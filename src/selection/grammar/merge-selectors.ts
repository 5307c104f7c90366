import { compareTexts } from "../../compare-texts.ts";
import { option } from "../../option.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { SelectionNotice } from "../notice.ts";
import type { MemberSelection, ModuleSelector, VersionFilter } from "./selection.ts";
import { exactPinsOf, type MemberOption, mergeFilters, parseModuleSelector } from "./selector.ts";

/** Parses the values of one include option; names given twice are or-ed (D5). Sorted by name. */
export function mergeSelectors(entries: readonly string[], from: MemberOption): ModuleSelector[] {
  const merged = new Map<string, ModuleSelector>();
  for (const entry of entries) {
    const { name, filter } = parseModuleSelector(entry, from);
    const known = merged.get(name);
    merged.set(name, {
      name,
      filter: known === undefined ? filter : mergeFilters(known.filter, filter),
    });
  }
  const selectors = [...merged.values()].sort((left, right) => compareTexts(left.name, right.name));
  for (const selector of selectors) refuseSharedChannel(selector, from);
  return selectors;
}

/** A channel can point at one version only. */
function refuseSharedChannel({ name, filter }: ModuleSelector, from: MemberOption): void {
  const tags = new Map<string, string>();
  for (const { tag, channel } of exactPinsOf(filter)) {
    const other = tags.get(channel);
    if (channel !== "all" && other !== undefined) {
      throw new SelectionInvalidError(
        `${option(from)} "${name}@=${tag}+${channel}"`,
        `channel ${channel} is already given to "${other}"`,
        { hint: "Name each release channel once per name" },
      );
    }
    tags.set(channel, tag);
  }
}

export interface ExcludeOptions {
  readonly excludedBy: MemberOption;
  readonly includedBy: MemberOption;
  readonly include: readonly ModuleSelector[];
  readonly enabled: boolean;
}

export interface ParsedExcludes {
  readonly members: Pick<MemberSelection, "exclude" | "excludeVersions">;
  readonly notices: readonly SelectionNotice[];
}

/**
 * Names matter only where everything of the source is taken (D4). Versions are left out of what is taken, be it
 * everything or what is included.
 */
export function parseExcludes(
  entries: readonly string[],
  { excludedBy, includedBy, include, enabled }: ExcludeOptions,
): ParsedExcludes {
  const selectors = mergeExcludes(entries, excludedBy);
  const included = new Set(include.map(({ name }) => name));
  const hasEffect = ({ name, filter }: ModuleSelector) =>
    enabled && (include.length === 0 || (included.has(name) && filter.kind !== "default"));
  const kept = selectors.filter(hasEffect);
  const versions = kept.filter(({ filter }) => filter.kind !== "default");
  const reasonFor = (name: string) =>
    included.has(name) ? `${option(includedBy)} names it` : "only what is included is taken";
  return {
    members: {
      exclude: kept.filter(({ filter }) => filter.kind === "default").map(({ name }) => name),
      ...(versions.length > 0 ? { excludeVersions: versions } : {}),
    },
    notices: selectors
      .filter((selector) => !hasEffect(selector))
      .map(({ name }) => ({
        code: "EXCLUDE_IGNORED",
        message: `${option(excludedBy)} "${name}" has no effect: ${reasonFor(name)}`,
      })),
  };
}

/** One per name, sorted; a name alone stands for all of its versions. */
function mergeExcludes(entries: readonly string[], from: MemberOption): ModuleSelector[] {
  const merged = new Map<string, VersionFilter>();
  for (const entry of entries) {
    const { name, filter } = parseModuleSelector(entry, from);
    const known = merged.get(name) ?? filter;
    const isWhole = [known, filter].some(({ kind }) => kind === "default");
    merged.set(name, isWhole ? { kind: "default" } : mergeFilters(known, filter));
    if (exactPinsOf(filter).every(({ channel }) => channel === "all")) continue;
    throw new SelectionInvalidError(
      `${option(from)} "${entry}"`,
      "versions are excluded, not their release channels",
      { hint: "Drop the part from + on" },
    );
  }
  return [...merged]
    .sort(([left], [right]) => compareTexts(left, right))
    .map(([name, filter]) => ({ name, filter }));
}
