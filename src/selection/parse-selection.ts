import { formatPlatform, type Platform, parsePlatform } from "../oci/platform.ts";
import {
  formatReference,
  isRepositoryName,
  parseRepositoryReference,
  type RepositoryReference,
} from "../oci/reference.ts";
import { SelectionInvalidError } from "./errors.ts";
import type { SelectionNotice } from "./notice.ts";
import type { ImageSelector, ModuleSelector, Selection } from "./selection.ts";
import { exactPinsOf, mergeFilters, parseImageSelector, parseModuleSelector } from "./selector.ts";

/** What the user said, flag by flag, as text. */
export interface ParseSelectionOptions {
  /** `registry-host[:port]/path` below which modules live. */
  readonly source?: string | undefined;
  readonly includeModules?: readonly string[] | undefined;
  readonly excludeModules?: readonly string[] | undefined;
  /** Default `modules`; `/`: directly below the source. */
  readonly modulesPathSuffix?: string | undefined;
  readonly includeImages?: readonly string[] | undefined;
  readonly noModules?: boolean | undefined;
  readonly onlyExtraImages?: boolean | undefined;
  readonly platforms?: readonly string[] | undefined;
  readonly latestPatch?: boolean | undefined;
}

export interface ParsedSelection {
  readonly selection: Selection;
  readonly notices: readonly SelectionNotice[];
}

/**
 * Parses and merges the wishes of a user. Includes win over excludes (D4) and over `noModules` (D10), names given twice
 * are or-ed (D5), and the order in which things were said makes no difference to the result.
 */
export function parseSelection(options: ParseSelectionOptions): ParsedSelection {
  const include = mergeModules(options.includeModules ?? []);
  const images = mergeImages(options.includeImages ?? []);
  const source = parseSource(options);
  const enabled = source !== undefined && wantsModules(options);
  if (!enabled && images.length === 0) {
    throw new SelectionInvalidError("this selection", "it contains nothing", {
      hint: 'Name images with --include-image, or a source of modules with --source or "source" in the configuration file',
    });
  }
  const { exclude, notices } = parseExcludes(options, { include, enabled });
  return {
    selection: {
      ...(source === undefined ? {} : { source }),
      modules: {
        enabled,
        include,
        exclude,
        pathSuffix: parsePathSuffix(options.modulesPathSuffix),
        onlyExtraImages: options.onlyExtraImages ?? false,
      },
      images,
      platforms: mergePlatforms(options.platforms ?? []),
      latestPatch: options.latestPatch ?? false,
    },
    notices: [...noModulesNotices(options), ...notices],
  };
}

function parseSource(options: ParseSelectionOptions): RepositoryReference | undefined {
  if (options.source !== undefined) return parseRepositoryReference(options.source);
  const [first] = options.includeModules ?? [];
  if (first === undefined && !options.onlyExtraImages) return undefined;
  throw new SelectionInvalidError(
    first === undefined ? "--only-extra-images" : `--include-module "${first}"`,
    "there is no source to take modules from",
    { hint: 'Add --source registry-host/path, or set "source" in the configuration file' },
  );
}

function wantsModules({ includeModules, noModules, onlyExtraImages }: ParseSelectionOptions) {
  return !noModules || Boolean(onlyExtraImages) || (includeModules ?? []).length > 0;
}

function parsePathSuffix(text: string | undefined): string {
  if (text === undefined || text.trim() === "") return "modules";
  const suffix = text.trim().replace(/^\/+|\/+$/g, "");
  if (suffix !== "" && !isRepositoryName(suffix)) {
    throw new SelectionInvalidError(
      `--modules-path-suffix "${text}"`,
      "it is not a repository path",
      { hint: 'Write a path such as "modules", or "/" for directly below the source' },
    );
  }
  return suffix;
}

function mergeModules(entries: readonly string[]): ModuleSelector[] {
  const merged = new Map<string, ModuleSelector>();
  for (const entry of entries) {
    const { name, filter } = parseModuleSelector(entry);
    const known = merged.get(name);
    merged.set(name, {
      name,
      filter: known === undefined ? filter : mergeFilters(known.filter, filter),
    });
  }
  const selectors = [...merged.values()].sort(byKey(({ name }) => name));
  for (const selector of selectors) refuseSharedChannel(selector);
  return selectors;
}

/** A channel can point at one version only. */
function refuseSharedChannel({ name, filter }: ModuleSelector): void {
  const tags = new Map<string, string>();
  for (const { tag, channel } of exactPinsOf(filter)) {
    const other = tags.get(channel);
    if (channel !== "all" && other !== undefined) {
      throw new SelectionInvalidError(
        `--include-module "${name}@=${tag}+${channel}"`,
        `channel ${channel} of the module is already given to "${other}"`,
        { hint: "Name each release channel once per module" },
      );
    }
    tags.set(channel, tag);
  }
}

function mergeImages(entries: readonly string[]): ImageSelector[] {
  const merged = new Map<string, ImageSelector>();
  for (const selector of entries
    .map((entry) => parseImageSelector(entry))
    .sort(byKey((s) => s.text))) {
    const key = imageKeyOf(selector);
    if (!merged.has(key)) merged.set(key, selector);
  }
  return [...merged.values()].sort(byKey(imageKeyOf));
}

function imageKeyOf({ reference, filter }: ImageSelector): string {
  const tagged = reference.tag || reference.digest || filter.kind === "range";
  const named = formatReference(tagged ? reference : { ...reference, tag: "latest" });
  return filter.kind === "range" ? `${named}@${filter.range}` : named;
}

function mergePlatforms(texts: readonly string[]): Platform[] {
  const merged = new Map<string, Platform>();
  for (const text of texts) {
    const platform = parsePlatform(text);
    merged.set(formatPlatform(platform), platform);
  }
  return [...merged.values()].sort(byKey(formatPlatform));
}

function noModulesNotices(options: ParseSelectionOptions): SelectionNotice[] {
  if (!options.noModules || !wantsModules(options)) return [];
  const winner = options.onlyExtraImages ? "--only-extra-images" : "--include-module";
  return [
    {
      code: "no-modules-ignored",
      message: `--no-modules has no effect: ${winner} asks for modules`,
    },
  ];
}

/** Excludes matter only where all modules of the source are taken. */
function parseExcludes(
  { excludeModules = [] }: ParseSelectionOptions,
  { include, enabled }: { include: readonly ModuleSelector[]; enabled: boolean },
): { exclude: string[]; notices: SelectionNotice[] } {
  const selectors = excludeModules.map((entry) => parseModuleSelector(entry, "--exclude-module"));
  if (enabled && include.length === 0) {
    return {
      exclude: [...new Set(selectors.map(({ name }) => name))].sort(),
      notices: selectors
        .filter(({ filter }) => filter.kind !== "default")
        .map(({ name }) => ({
          code: "exclude-constraint-ignored",
          message: `--exclude-module "${name}" excludes all versions of the module: its constraint has no effect`,
        })),
    };
  }
  const included = new Set(include.map(({ name }) => name));
  const reasonFor = (name: string) =>
    included.has(name) ? "--include-module names it" : "only what is included is taken";
  return {
    exclude: [],
    notices: selectors.map(({ name }) => ({
      code: "exclude-ignored",
      message: `--exclude-module "${name}" has no effect: ${reasonFor(name)}`,
    })),
  };
}

function byKey<Value>(keyOf: (value: Value) => string): (left: Value, right: Value) => number {
  return (left, right) => {
    const [a, b] = [keyOf(left), keyOf(right)];
    return a < b ? -1 : Number(a > b);
  };
}
