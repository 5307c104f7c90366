import { SelectionInvalidError } from "../errors.ts";
import type { SelectionNotice } from "../notice.ts";
import type { ModuleSelector } from "./selection.ts";
import { exactPinsOf, mergeFilters, parseModuleSelector } from "./selector.ts";

/** Parses the values of one include flag; names given twice are or-ed (D5). Sorted by name. */
export function mergeSelectors(entries: readonly string[], option: string): ModuleSelector[] {
  const merged = new Map<string, ModuleSelector>();
  for (const entry of entries) {
    const { name, filter } = parseModuleSelector(entry, option);
    const known = merged.get(name);
    merged.set(name, {
      name,
      filter: known === undefined ? filter : mergeFilters(known.filter, filter),
    });
  }
  const selectors = [...merged.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const selector of selectors) refuseSharedChannel(selector, option);
  return selectors;
}

/** A channel can point at one version only. */
function refuseSharedChannel({ name, filter }: ModuleSelector, option: string): void {
  const tags = new Map<string, string>();
  for (const { tag, channel } of exactPinsOf(filter)) {
    const other = tags.get(channel);
    if (channel !== "all" && other !== undefined) {
      throw new SelectionInvalidError(
        `${option} "${name}@=${tag}+${channel}"`,
        `channel ${channel} is already given to "${other}"`,
        { hint: "Name each release channel once per name" },
      );
    }
    tags.set(channel, tag);
  }
}

export interface ExcludeOptions {
  /** `module`, `package`: what the flags end with. */
  readonly noun: string;
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
  { noun, include, enabled }: ExcludeOptions,
): ParsedExcludes {
  const option = `--exclude-${noun}`;
  const selectors = entries.map((entry) => parseModuleSelector(entry, option));
  if (enabled && include.length === 0) {
    return {
      exclude: [...new Set(selectors.map(({ name }) => name))].sort(),
      notices: selectors
        .filter(({ filter }) => filter.kind !== "default")
        .map(({ name }) => ({
          code: "exclude-constraint-ignored",
          message: `${option} "${name}" excludes all versions of the ${noun}: its constraint has no effect`,
        })),
    };
  }
  const included = new Set(include.map(({ name }) => name));
  const reasonFor = (name: string) =>
    included.has(name) ? `--include-${noun} names it` : "only what is included is taken";
  return {
    exclude: [],
    notices: selectors.map(({ name }) => ({
      code: "exclude-ignored",
      message: `${option} "${name}" has no effect: ${reasonFor(name)}`,
    })),
  };
}
