import { formatPlatform, type Platform, parsePlatform } from "../../oci/platform.ts";
import {
  formatReference,
  isTag,
  parseRepositoryReference,
  type RepositoryReference,
} from "../../oci/reference.ts";
import { parseModulesPath } from "../../vendor/modules-path.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { SelectionNotice } from "../notice.ts";
import { checkProxyRegistry } from "./check-proxy-registry.ts";
import { mergeSelectors, parseExcludes } from "./merge-selectors.ts";
import { type PlatformWishes, parsePlatformReleases } from "./parse-platform-releases.ts";
import type { ImageSelector, MemberSelection, Selection } from "./selection.ts";
import { parseImageSelector } from "./selector.ts";

/** What the user said, flag by flag, as text. */
export interface ParseSelectionOptions extends PlatformWishes {
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
  readonly proxyRegistry?: boolean | undefined;
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
  const { onlyExtraImages = false, proxyRegistry = false, skipVexImages = false } = options;
  const hasSource = options.source !== undefined;
  const platform = parsePlatformReleases(options, hasSource);
  const modules = parseMembers(options, MODULE_FLAGS);
  const packages = parseMembers(options, PACKAGE_FLAGS);
  const include = mergeSelectors(options.includePlugins ?? [], "--include-plugin");
  const installer = parseInstaller(options);
  const selection: Selection = {
    ...withSource(options, platform.flag),
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
    platforms: mergePlatforms(options.platforms ?? []),
    latestPatch: options.latestPatch ?? false,
    vex: !skipVexImages,
    proxyRegistry,
  };
  if (onlyExtraImages && include.length > 0) {
    throw new SelectionInvalidError(
      "--only-extra-images and --include-plugin",
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
      ...vexNotices(selection),
      ...proxyNotices(options),
    ],
  };
}

/** Everything but images needs a source; without one, a flag that asks for something is an error. */
function withSource(
  options: ParseSelectionOptions,
  platformFlag: string | undefined,
): { readonly source?: RepositoryReference } {
  if (options.source !== undefined) return { source: parseRepositoryReference(options.source) };
  const first = (option: string, entries: readonly string[] = []) =>
    entries.slice(0, 1).map((entry) => `${option} "${entry}"`);
  const [wish] = [
    ...first("--include-module", options.includeModules),
    ...first("--include-package", options.includePackages),
    ...first("--include-plugin", options.includePlugins),
    ...(platformFlag === undefined ? [] : [platformFlag]),
    ...(options.installerTag === undefined ? [] : ["--installer-tag"]),
    ...(options.onlyExtraImages ? ["--only-extra-images"] : []),
  ];
  if (wish === undefined) return {};
  throw new SelectionInvalidError(wish, "there is no source to take it from", {
    hint: 'Add --source registry-host/path, or set "source" in the configuration file',
  });
}

function refuseNothing(selection: Selection): void {
  const { platform, installer, security, modules, packages, plugins, images } = selection;
  const isWanted = [platform, installer, security, modules, packages].some(
    ({ enabled }) => enabled,
  );
  if (isWanted || packages.versions || plugins.include.length > 0 || images.length > 0) return;
  throw new SelectionInvalidError("this selection", "it contains nothing", {
    hint: 'Name images with --include-image, or a source of modules with --source or "source" in the configuration file',
  });
}

function parseInstaller({ source, noInstaller, installerTag }: ParseSelectionOptions) {
  const notices: SelectionNotice[] = [];
  if (installerTag !== undefined && !isTag(installerTag)) {
    throw new SelectionInvalidError(`--installer-tag "${installerTag}"`, "it is not a tag");
  }
  if (installerTag !== undefined && noInstaller) {
    const message = "--installer-tag has no effect: --no-installer leaves the installer out";
    notices.push({ code: "installer-tag-ignored", message });
  }
  const enabled = source !== undefined && !noInstaller;
  const tag = enabled && installerTag !== undefined ? { tag: installerTag } : {};
  return { installer: { enabled, ...tag }, notices };
}

const MODULE_FLAGS = {
  noun: "module",
  include: "includeModules",
  exclude: "excludeModules",
  without: "noModules",
} as const;

const PACKAGE_FLAGS = {
  noun: "package",
  include: "includePackages",
  exclude: "excludePackages",
  without: "noPackages",
} as const;

interface ParsedMembers {
  readonly members: MemberSelection;
  readonly notices: readonly SelectionNotice[];
}

/** Modules and packages are chosen with the same flags. Includes win over `--no-…`, with a notice (D10). */
function parseMembers(
  options: ParseSelectionOptions,
  flags: typeof MODULE_FLAGS | typeof PACKAGE_FLAGS,
): ParsedMembers {
  const { noun } = flags;
  const include = mergeSelectors(options[flags.include] ?? [], `--include-${noun}`);
  const isAsked = include.length > 0 || Boolean(options.onlyExtraImages);
  const isLeftOut = Boolean(options[flags.without]) && !isAsked;
  // A proxy cannot list what there is
  const isListed = !options.proxyRegistry || include.length > 0;
  const enabled = options.source !== undefined && !isLeftOut && isListed;
  const excludes = parseExcludes(options[flags.exclude] ?? [], { noun, include, enabled });
  const winner = include.length > 0 ? `--include-${noun}` : "--only-extra-images";
  const ignored: readonly SelectionNotice[] =
    options[flags.without] && isAsked
      ? [
          {
            code: `no-${noun}s-ignored`,
            message: `--no-${noun}s has no effect: ${winner} asks for ${noun}s`,
          },
        ]
      : [];
  return {
    members: { enabled, include, exclude: excludes.exclude },
    notices: [...ignored, ...excludes.notices],
  };
}

function vexNotices({ vex, source }: Selection): SelectionNotice[] {
  if (vex || source === undefined) return [];
  const message = "--skip-vex-images leaves out the attestations that say which CVEs do not apply";
  return [{ code: "vex-skipped", message }];
}

/** Behind a proxy registry only what is named can be found. */
function proxyNotices(options: ParseSelectionOptions): SelectionNotice[] {
  if (!options.proxyRegistry || options.source === undefined) return [];
  const hasPackages = (options.includePackages ?? []).length > 0;
  const left = [
    ...(options.noPackages || hasPackages ? [] : ["packages (use --include-package)"]),
    ...(options.noPackageVersions ? [] : ["release images of packages that are not included"]),
    ...(options.noPlugins || options.onlyExtraImages
      ? []
      : ["plugins that modules need (use --include-plugin)"]),
  ];
  if (left.length === 0) return [];
  const message = `--proxy-registry leaves out what only a tag list could tell: ${left.join(", ")}`;
  return [{ code: "proxy-unlisted", message }];
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

function byKey<Value>(keyOf: (value: Value) => string): (left: Value, right: Value) => number {
  return (left, right) => {
    const [a, b] = [keyOf(left), keyOf(right)];
    return a < b ? -1 : Number(a > b);
  };
}
