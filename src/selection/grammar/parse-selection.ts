import { checkOptionNames, checkOptions, type OptionKinds } from "../../check-options.ts";
import { compareTexts } from "../../compare-texts.ts";
import { formatPlatform, type Platform, parsePlatform } from "../../oci/platform.ts";
import {
  formatReference,
  isTag,
  parseRepositoryReference,
  type RepositoryReference,
} from "../../oci/reference.ts";
import { type OptionName, option } from "../../option.ts";
import { parseModulesPath } from "../../product/modules-path.ts";
import { formatTagPolicy } from "../../versions/tag-policy.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { SelectionNotice } from "../notice.ts";
import { parseChartSelector } from "./chart-selector.ts";
import { checkProxyRegistry } from "./check-proxy-registry.ts";
import { parseFileSelector } from "./file-selector.ts";
import { mergeSelectors, parseExcludes } from "./merge-selectors.ts";
import { type PlatformWishes, parsePlatformReleases } from "./parse-platform-releases.ts";
import { parseRepositoryFilter, parseTagLimits, type TagWishes } from "./parse-tag-limits.ts";
import { parseReferrerTypes } from "./referrer-types.ts";
import type { ChartImages, ImageSelector, MemberSelection, Selection } from "./selection.ts";
import { parseImageSelector } from "./selector.ts";

/** What the user said, option by option, as text. */
export interface ParseSelectionOptions extends PlatformWishes, TagWishes {
  /** `registry-host[:port]/path` below which everything but images lives. */
  readonly source?: string | undefined;
  readonly includeModules?: readonly string[] | undefined;
  readonly excludeModules?: readonly string[] | undefined;
  /** Default `modules`; `/`: directly below the source. */
  readonly modulesPathSuffix?: string | undefined;
  readonly includePackages?: readonly string[] | undefined;
  readonly excludePackages?: readonly string[] | undefined;
  readonly includePlugins?: readonly string[] | undefined;
  /** Tag of the standalone installer; default `latest`. */
  readonly installerTag?: string | undefined;
  readonly includeImages?: readonly string[] | undefined;
  /** `oci://registry/repository[@constraint]`, or `https://repository#name[@constraint]`. */
  readonly includeCharts?: readonly string[] | undefined;
  /** Images that charts name: `named` takes those that are said to be images, `guess` also what looks like one. */
  readonly chartImages?: ChartImages | undefined;
  /** `path[:name[:tag]]`. */
  readonly includeFiles?: readonly string[] | undefined;
  readonly noInstaller?: boolean | undefined;
  readonly noSecurityDb?: boolean | undefined;
  readonly noModules?: boolean | undefined;
  readonly noPackages?: boolean | undefined;
  /** Leave out the release images of packages that are not taken. */
  readonly noPackageVersions?: boolean | undefined;
  /** Leave out the plugins that modules need; the named ones are taken. */
  readonly noPlugins?: boolean | undefined;
  /** Of modules and packages only what `extra_images.json` names, and no plugins that they need. */
  readonly onlyExtraImages?: boolean | undefined;
  readonly skipVexImages?: boolean | undefined;
  /** Leave out what belongs to images: signatures, attestations, bills of materials and other referrers. */
  readonly noReferrers?: boolean | undefined;
  /** Of these only what has one of these types; `*` stands for any characters. */
  readonly referrerTypes?: readonly string[] | undefined;
  readonly proxyRegistry?: boolean | undefined;
  readonly platforms?: readonly string[] | undefined;
  readonly latestPatch?: boolean | undefined;
  /** Take an index without the attestations that the source lists and does not have. */
  readonly skipMissingAttestations?: boolean | undefined;
  /** Leave out layers that are not for redistribution; default: they come from the registry, or from their addresses. */
  readonly skipForeignLayers?: boolean | undefined;
}

const KINDS = {
  source: "text?",
  sinceVersion: "text?",
  platformTag: "text?",
  includePlatform: "text?",
  installerTag: "text?",
  modulesPathSuffix: "text?",
  includeModules: "texts?",
  excludeModules: "texts?",
  includePackages: "texts?",
  excludePackages: "texts?",
  includePlugins: "texts?",
  includeImages: "texts?",
  includeCharts: "texts?",
  chartImages: "text?",
  includeFiles: "texts?",
  platforms: "texts?",
  latest: "count?",
  newerThan: "text?",
  excludeTags: "texts?",
  includeRepositories: "texts?",
  excludeRepositories: "texts?",
  referrerTypes: "texts?",
  noPlatform: "switch?",
  noInstaller: "switch?",
  noSecurityDb: "switch?",
  noModules: "switch?",
  noPackages: "switch?",
  noPackageVersions: "switch?",
  noPlugins: "switch?",
  onlyExtraImages: "switch?",
  skipVexImages: "switch?",
  noReferrers: "switch?",
  ignoreSuspend: "switch?",
  proxyRegistry: "switch?",
  latestPatch: "switch?",
  skipMissingAttestations: "switch?",
  skipForeignLayers: "switch?",
} as const satisfies Required<OptionKinds<ParseSelectionOptions>>;

export interface ParsedSelection {
  readonly selection: Selection;
  readonly notices: readonly SelectionNotice[];
}

/**
 * Parses and merges the wishes of a user. Includes win over excludes (D4) and over `noModules` (D10), names given twice
 * are or-ed (D5), and the order in which things were said makes no difference to the result.
 */
export function parseSelection(options: ParseSelectionOptions): ParsedSelection {
  checkOptions(options, KINDS);
  checkOptionNames(options, Object.keys(KINDS));
  const { onlyExtraImages = false, proxyRegistry = false, skipVexImages = false } = options;
  const hasSource = options.source !== undefined;
  const platform = parsePlatformReleases(options, hasSource);
  const modules = parseMembers(options, MODULE_OPTIONS);
  const packages = parseMembers(options, PACKAGE_OPTIONS);
  const include = mergeSelectors(options.includePlugins ?? [], "includePlugins");
  const installer = parseInstaller(options);
  const selection: Selection = {
    ...withSource(options, platform.option),
    platform: platform.platform,
    installer: installer.installer,
    security: { enabled: hasSource && !options.noSecurityDb },
    modules: {
      ...modules.members,
      pathSuffix: parseModulesPath(options.modulesPathSuffix),
      onlyExtraImages,
    },
    packages: {
      ...packages.members,
      onlyExtraImages,
      versions: hasSource && !options.noPackageVersions && !proxyRegistry,
    },
    plugins: {
      automatic: hasSource && !options.noPlugins && !onlyExtraImages && !proxyRegistry,
      include,
    },
    images: mergeImages(options.includeImages ?? []),
    tags: parseTagLimits(options),
    repositories: parseRepositoryFilter(options),
    ...artifactsOf(options),
    platforms: mergePlatforms(options.platforms ?? []),
    skipMissingAttestations: options.skipMissingAttestations ?? false,
    skipForeignLayers: options.skipForeignLayers ?? false,
    latestPatch: options.latestPatch ?? false,
    vex: !skipVexImages && !options.noReferrers,
    ...referrersOf(options),
    proxyRegistry,
  };
  if (onlyExtraImages && include.length > 0) {
    throw new SelectionInvalidError(
      `${option("onlyExtraImages")} and ${option("includePlugins")}`,
      "a plugin is no extra image",
      { hint: "Drop one of them" },
    );
  }
  if (proxyRegistry) checkProxyRegistry(selection, options);
  refuseNothing(selection);
  return {
    selection,
    notices: [
      ...platform.notices,
      ...installer.notices,
      ...modules.notices,
      ...packages.notices,
      ...vexNotices(selection, options),
      ...chartNotices(selection),
      ...proxyNotices(options),
    ],
  };
}

/** Everything but images needs a source; without one, an option that asks for something is an error. */
function withSource(
  options: ParseSelectionOptions,
  platformOption: string | undefined,
): { readonly source?: RepositoryReference } {
  if (options.source !== undefined) return { source: parseRepositoryReference(options.source) };
  const first = (asked: OptionName, entries: readonly string[] = []) =>
    entries.slice(0, 1).map((entry) => `${option(asked)} "${entry}"`);
  const [wish] = [
    ...first("includeModules", options.includeModules),
    ...first("includePackages", options.includePackages),
    ...first("includePlugins", options.includePlugins),
    ...(platformOption === undefined ? [] : [platformOption]),
    ...(options.installerTag === undefined ? [] : [option("installerTag")]),
    ...(options.onlyExtraImages ? [option("onlyExtraImages")] : []),
  ];
  if (wish === undefined) return {};
  throw new SelectionInvalidError(wish, "there is no source to take it from", {
    hint: `Add ${option("source")} registry-host/path`,
  });
}

function referrersOf({
  noReferrers = false,
  referrerTypes = [],
}: ParseSelectionOptions): Pick<Selection, "skipReferrers" | "referrerTypes"> {
  if (noReferrers && referrerTypes.length > 0) {
    throw new SelectionInvalidError(
      `${option("noReferrers")} and ${option("referrerTypes")}`,
      "without referrers there is no type to choose",
      { hint: "Drop one of them" },
    );
  }
  return { skipReferrers: noReferrers, referrerTypes: parseReferrerTypes(referrerTypes) };
}

/** Charts and files; what nobody asks for is no part of the selection, as that of earlier versions. */
function artifactsOf({
  includeCharts = [],
  chartImages,
  includeFiles = [],
}: ParseSelectionOptions): Pick<Selection, "charts" | "chartImages" | "files"> {
  // Of several spellings of one chart the same is kept, however they are ordered
  const charts = unique(includeCharts.toSorted().map(parseChartSelector), ({ text, ...chart }) =>
    JSON.stringify(chart),
  );
  const files = unique(includeFiles.map(parseFileSelector), (file) => JSON.stringify(file));
  if (chartImages !== undefined) checkChartImages(chartImages, charts.length > 0);
  return {
    ...(charts.length > 0 ? { charts } : {}),
    ...(chartImages === undefined ? {} : { chartImages }),
    ...(files.length > 0 ? { files } : {}),
  };
}

function checkChartImages(value: string, hasCharts: boolean): void {
  const refuse = (reason: string, hint: string) =>
    new SelectionInvalidError(`${option("chartImages")} "${value}"`, reason, { hint });
  if (value !== "named" && value !== "guess") {
    throw refuse("it is neither named nor guess", "Use one of them");
  }
  if (hasCharts) return;
  throw refuse("there is no chart", `Name charts with ${option("includeCharts")}`);
}

/** That a chart is there says nothing of what it starts. */
function chartNotices({ charts = [], chartImages }: Selection): SelectionNotice[] {
  if (charts.length === 0 || chartImages !== undefined) return [];
  const message = `Charts are taken without the images that they name: ${option("chartImages")} looks for these`;
  return [{ code: "CHART_IMAGES_NOT_ASKED", message }];
}

function unique<Value>(values: readonly Value[], keyOf: (value: Value) => string): Value[] {
  const merged = new Map<string, Value>();
  for (const value of values) if (!merged.has(keyOf(value))) merged.set(keyOf(value), value);
  return [...merged.values()].sort(byKey(keyOf));
}

function refuseNothing(selection: Selection): void {
  const { platform, installer, security, modules, packages, plugins } = selection;
  const { images, charts = [], files = [] } = selection;
  const isWanted = [platform, installer, security, modules, packages].some(
    ({ enabled }) => enabled,
  );
  const named = [plugins.include, images, charts, files].flat();
  if (isWanted || packages.versions || named.length > 0) return;
  throw new SelectionInvalidError("this selection", "it contains nothing", {
    hint: `Name images with ${option("includeImages")}, or a source of modules with ${option("source")}`,
  });
}

function parseInstaller({ source, noInstaller, installerTag }: ParseSelectionOptions) {
  const notices: SelectionNotice[] = [];
  if (installerTag !== undefined && !isTag(installerTag)) {
    throw new SelectionInvalidError(
      `${option("installerTag")} "${installerTag}"`,
      "it is not a tag",
    );
  }
  if (installerTag !== undefined && noInstaller) {
    const message = `${option("installerTag")} has no effect: ${option("noInstaller")} leaves the installer out`;
    notices.push({ code: "INSTALLER_TAG_IGNORED", message });
  }
  const enabled = source !== undefined && !noInstaller;
  const tag = enabled && installerTag !== undefined ? { tag: installerTag } : {};
  return { installer: { enabled, ...tag }, notices };
}

const MODULE_OPTIONS = {
  noun: "module",
  include: "includeModules",
  exclude: "excludeModules",
  without: "noModules",
} as const;

const PACKAGE_OPTIONS = {
  noun: "package",
  include: "includePackages",
  exclude: "excludePackages",
  without: "noPackages",
} as const;

interface ParsedMembers {
  readonly members: MemberSelection;
  readonly notices: readonly SelectionNotice[];
}

/** Modules and packages are chosen in the same way. Includes win over leaving all out, with a notice (D10). */
function parseMembers(
  options: ParseSelectionOptions,
  names: typeof MODULE_OPTIONS | typeof PACKAGE_OPTIONS,
): ParsedMembers {
  const { noun } = names;
  const include = mergeSelectors(options[names.include] ?? [], names.include);
  const isAsked = include.length > 0 || Boolean(options.onlyExtraImages);
  const isLeftOut = Boolean(options[names.without]) && !isAsked;
  // A proxy cannot list what there is
  const isListed = !options.proxyRegistry || include.length > 0;
  const enabled = options.source !== undefined && !isLeftOut && isListed;
  const excludes = parseExcludes(options[names.exclude] ?? [], {
    includedBy: names.include,
    excludedBy: names.exclude,
    include,
    enabled,
  });
  const winner = include.length > 0 ? names.include : "onlyExtraImages";
  const ignored: readonly SelectionNotice[] =
    options[names.without] && isAsked
      ? [
          {
            code: noun === "module" ? "NO_MODULES_IGNORED" : "NO_PACKAGES_IGNORED",
            message: `${option(names.without)} has no effect: ${option(winner)} asks for ${noun}s`,
          },
        ]
      : [];
  return {
    members: { enabled, include, ...excludes.members },
    notices: [...ignored, ...excludes.notices],
  };
}

function vexNotices(
  { vex, source }: Selection,
  { noReferrers }: ParseSelectionOptions,
): SelectionNotice[] {
  if (vex || source === undefined) return [];
  const cause = option(noReferrers ? "noReferrers" : "skipVexImages");
  const message = `${cause} leaves out the attestations that say which CVEs do not apply`;
  return [{ code: "VEX_SKIPPED", message }];
}

/** Behind a proxy registry only what is named can be found. */
function proxyNotices(options: ParseSelectionOptions): SelectionNotice[] {
  if (!options.proxyRegistry || options.source === undefined) return [];
  const hasPackages = (options.includePackages ?? []).length > 0;
  const left = [
    ...(options.noPackages || hasPackages ? [] : [`packages (use ${option("includePackages")})`]),
    ...(options.noPackageVersions ? [] : ["release images of packages that are not included"]),
    ...(options.noPlugins || options.onlyExtraImages
      ? []
      : [`plugins that modules need (use ${option("includePlugins")})`]),
  ];
  if (left.length === 0) return [];
  const message = `${option("proxyRegistry")} leaves out what only a tag list could tell: ${left.join(", ")}`;
  return [{ code: "PROXY_UNLISTED", message }];
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
  const tagged = reference.tag || reference.digest || filter.kind !== "default";
  const named = formatReference(tagged ? reference : { ...reference, tag: "latest" });
  if (filter.kind === "policy") return `${named}@${filter.policies.map(formatTagPolicy).join(" ")}`;
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

function byKey<Value>(keyOf: (value: Value) => string): (left: Value, right: Value) => number {
  return (left, right) => compareTexts(keyOf(left), keyOf(right));
}
