import { checkOptionNames, checkOptions } from "../../check-options.ts";
import { formatPlatform, parsePlatform } from "../../oci/platform.ts";
import { isTag, parseRepositoryReference, type RepositoryReference } from "../../oci/reference.ts";
import { parseReferrerTypes } from "../../oci/referrer-types.ts";
import { type OptionName, option } from "../../option.ts";
import { parseModulesPath } from "../../product/modules-path.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { SelectionNotice } from "../notice.ts";
import { checkProxyRegistry } from "./check-proxy-registry.ts";
import { mergeImages } from "./merge-images.ts";
import { mergeSelectors } from "./merge-selectors.ts";
import { chartNotices, parseArtifacts } from "./parse-artifacts.ts";
import { MODULE_OPTIONS, PACKAGE_OPTIONS, parseMembers } from "./parse-members.ts";
import { parsePlatformReleases } from "./parse-platform-releases.ts";
import { parseRepositoryFilter, parseTagLimits } from "./parse-tag-limits.ts";
import type { Selection } from "./selection.ts";
import { type ParseSelectionOptions, SELECTION_OPTION_KINDS } from "./selection-options.ts";
import { uniqueBy } from "./unique-by.ts";

export interface ParsedSelection {
  readonly selection: Selection;
  readonly notices: readonly SelectionNotice[];
}

/**
 * Parses and merges the wishes of a user. Includes win over excludes (D4) and over `noModules` (D10), names given twice
 * are or-ed (D5), and the order in which things were said makes no difference to the result.
 */
export function parseSelection(options: ParseSelectionOptions): ParsedSelection {
  checkOptions(options, SELECTION_OPTION_KINDS);
  checkOptionNames(options, Object.keys(SELECTION_OPTION_KINDS));
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
    ...parseArtifacts(options),
    platforms: uniqueBy((options.platforms ?? []).map(parsePlatform), formatPlatform),
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
