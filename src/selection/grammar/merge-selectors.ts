import { option } from "../../option.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { SelectionNotice } from "../notice.ts";
import type { ModuleSelector } from "./selection.ts";
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
  const selectors = [...merged.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
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
  /** `module`, `package`. */
  readonly noun: string;
  readonly excludedBy: MemberOption;
  readonly includedBy: MemberOption;
  readonly include: readonly ModuleSelector[];
  readonly enabled: boolean;
}

export interface ParsedExcludes {
  readonly exclude: readonly string[];
  readonly notices: readonly SelectionNotice[];
}

/** Excludes matter only where everything of the source is taken (D4). */
export function parseExcludes(
  entries: readonly string[],
  { noun, excludedBy, includedBy, include, enabled }: ExcludeOptions,
): ParsedExcludes {
  const selectors = entries.map((entry) => parseModuleSelector(entry, excludedBy));
  if (enabled && include.length === 0) {
    return {
      exclude: [...new Set(selectors.map(({ name }) => name))].sort(),
      notices: selectors
        .filter(({ filter }) => filter.kind !== "default")
        .map(({ name }) => ({
          code: "EXCLUDE_CONSTRAINT_IGNORED",
          message: `${option(excludedBy)} "${name}" excludes all versions of the ${noun}: its constraint has no effect`,
        })),
    };
  }
  const included = new Set(include.map(({ name }) => name));
  const reasonFor = (name: string) =>
    included.has(name) ? `${option(includedBy)} names it` : "only what is included is taken";
  return {
    exclude: [],
    notices: selectors.map(({ name }) => ({
      code: "EXCLUDE_IGNORED",
      message: `${option(excludedBy)} "${name}" has no effect: ${reasonFor(name)}`,
    })),
  };
}
