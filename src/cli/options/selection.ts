import type { ChartImages, ParseSelectionOptions } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import type { FlagTable, FlagValues } from "./flag.ts";

/** What to mirror. */
export const SELECTION_FLAGS = {
  source: {
    type: "string",
    describe: "Repository that the platform, modules and packages live below: registry/path",
    group: "Source:",
  },
  "include-module": {
    type: "list",
    alias: "i",
    describe: "Module to take: name[@constraint|@policy]; repeatable",
    group: "Selection:",
  },
  "exclude-module": {
    type: "list",
    alias: "e",
    describe: "Module, or versions of it, to leave out: name[@constraint]; repeatable",
    group: "Selection:",
  },
  "modules-path-suffix": {
    type: "string",
    describe: "Path of the modules below the source (default: modules)",
    group: "Selection:",
  },
  "include-image": {
    type: "list",
    describe: "Image to take: registry/repository[:tag|@digest|@constraint|@policy]; repeatable",
    group: "Selection:",
  },
  "images-from": {
    type: "list",
    describe: "File with one image per line, - for stdin; repeatable",
    group: "Selection:",
  },
  "include-chart": {
    type: "list",
    describe:
      "Helm chart to take: oci://registry/repository[@constraint] or https://repository#name[@constraint]; repeatable",
    group: "Selection:",
  },
  "chart-images": {
    type: "string",
    choices: ["named", "guess"],
    bare: "named",
    describe: "Take the images that charts say they need; guess: also what looks like one",
    group: "Selection:",
  },
  "include-file": {
    type: "list",
    describe: "File to take as an artifact: path[:name[:tag]]; repeatable",
    group: "Selection:",
  },
  platform: {
    type: "list",
    describe:
      "Platform to keep of multi-platform images: os/arch[/variant]; repeatable (default: all)",
    group: "Selection:",
  },
  "skip-missing-attestations": {
    type: "boolean",
    describe: "Leave out attestations that an image lists and the source does not have",
    group: "Selection:",
  },
  "skip-foreign-layers": {
    type: "boolean",
    describe: "Leave out layers that are not for redistribution",
    group: "Selection:",
  },
  "latest-patch": {
    type: "boolean",
    describe: "Of a range, keep only the highest patch of each minor version",
    group: "Selection:",
  },
  latest: {
    type: "string",
    describe: "Of each range or policy, take so many of the newest tags",
    group: "Selection:",
  },
  "newer-than": {
    type: "string",
    describe: "Of each range or policy, take what is not older: 90d, 12h, 2026-01-31",
    group: "Selection:",
  },
  "exclude-tag": {
    type: "list",
    describe: "Tags to leave out: '*-rc*', regex:EXPRESSION, semver:RANGE; repeatable",
    group: "Selection:",
  },
  "include-repository": {
    type: "list",
    describe: "Take images and modules of these repositories only, * for any text; repeatable",
    group: "Selection:",
  },
  "exclude-repository": {
    type: "list",
    describe: "Leave these repositories out, also where they are named; repeatable",
    group: "Selection:",
  },
  "platform-tag": {
    type: "string",
    alias: "deckhouse-tag",
    describe: "One release of the platform: a channel, a version or any tag",
    group: "Selection:",
  },
  "since-version": {
    type: "string",
    describe: "Oldest release of the platform, below what rock-solid points at",
    group: "Selection:",
  },
  "include-platform": {
    type: "string",
    describe: "Releases of the platform: a constraint such as '>=1.69 <=1.71'",
    group: "Selection:",
  },
  "installer-tag": {
    type: "string",
    describe: "Tag of the standalone installer (default: latest)",
    group: "Selection:",
  },
  "include-package": {
    type: "list",
    describe: "Package to take: name[@constraint]; repeatable",
    group: "Selection:",
  },
  "exclude-package": {
    type: "list",
    describe: "Package, or versions of it, to leave out: name[@constraint]; repeatable",
    group: "Selection:",
  },
  "include-plugin": {
    type: "list",
    describe: "Plugin to take besides those that modules need: name[@constraint]; repeatable",
    group: "Selection:",
  },
  "no-platform": { type: "boolean", describe: "Leave out the platform", group: "Selection:" },
  "no-security-db": {
    type: "boolean",
    describe: "Leave out the security databases",
    group: "Selection:",
  },
  "no-modules": { type: "boolean", describe: "Leave out all modules", group: "Selection:" },
  "no-packages": { type: "boolean", describe: "Leave out all packages", group: "Selection:" },
  "no-package-versions": {
    type: "boolean",
    describe: "Leave out the release images of packages that are not taken",
    group: "Selection:",
  },
  "no-installer": {
    type: "boolean",
    describe: "Leave out the standalone installer",
    group: "Selection:",
  },
  "no-plugins": {
    type: "boolean",
    describe: "Leave out the plugins that modules need",
    group: "Selection:",
  },
  "only-extra-images": {
    type: "boolean",
    describe: "Of modules and packages, only their extra images",
    group: "Selection:",
  },
  "skip-vex-images": {
    type: "boolean",
    describe: "Leave out the VEX attestations of images",
    group: "Selection:",
  },
  "no-referrers": {
    type: "boolean",
    describe: "Leave out signatures, attestations, SBOMs and whatever else belongs to images",
    group: "Selection:",
  },
  "referrer-type": {
    type: "list",
    describe: "Of what belongs to images, take this media type only, * for any part; repeatable",
    group: "Selection:",
  },
  "ignore-suspend": {
    type: "boolean",
    describe: "Take releases although their channel is suspended",
    group: "Selection:",
  },
  "proxy-registry": {
    type: "boolean",
    describe: "The source lists no tags: ask for versions one by one",
    group: "Selection:",
  },
} as const satisfies FlagTable;

/** The wishes of a user as text, which the library parses. `listedImages` come from `--images-from`. */
export function toWishes(
  flags: FlagValues<typeof SELECTION_FLAGS>,
  listedImages: readonly string[] = [],
): ParseSelectionOptions {
  return {
    source: flags.source,
    sinceVersion: flags["since-version"],
    platformTag: flags["platform-tag"],
    includePlatform: flags["include-platform"],
    installerTag: flags["installer-tag"],
    modulesPathSuffix: flags["modules-path-suffix"],
    includeModules: listOf(flags["include-module"]),
    excludeModules: listOf(flags["exclude-module"]),
    includePackages: listOf(flags["include-package"]),
    excludePackages: listOf(flags["exclude-package"]),
    includePlugins: listOf(flags["include-plugin"]),
    includeImages: [...listOf(flags["include-image"]), ...listedImages],
    includeCharts: listOf(flags["include-chart"]),
    chartImages: flags["chart-images"] as ChartImages | undefined,
    includeFiles: listOf(flags["include-file"]),
    noPlatform: isOn(flags["no-platform"]),
    noInstaller: isOn(flags["no-installer"]),
    noSecurityDb: isOn(flags["no-security-db"]),
    noModules: isOn(flags["no-modules"]),
    noPackages: isOn(flags["no-packages"]),
    noPackageVersions: isOn(flags["no-package-versions"]),
    noPlugins: isOn(flags["no-plugins"]),
    onlyExtraImages: isOn(flags["only-extra-images"]),
    skipVexImages: isOn(flags["skip-vex-images"]),
    noReferrers: isOn(flags["no-referrers"]),
    referrerTypes: listOf(flags["referrer-type"]),
    ignoreSuspend: isOn(flags["ignore-suspend"]),
    proxyRegistry: isOn(flags["proxy-registry"]),
    platforms: listOf(flags.platform),
    ...toTagWishes(flags),
    skipMissingAttestations: isOn(flags["skip-missing-attestations"]),
    skipForeignLayers: isOn(flags["skip-foreign-layers"]),
    latestPatch: isOn(flags["latest-patch"]),
  };
}

function toTagWishes(flags: FlagValues<typeof SELECTION_FLAGS>): Partial<ParseSelectionOptions> {
  const { latest } = flags;
  return {
    ...(latest === undefined ? {} : { latest: parseCount(latest, "latest") }),
    newerThan: flags["newer-than"],
    excludeTags: listOf(flags["exclude-tag"]),
    includeRepositories: listOf(flags["include-repository"]),
    excludeRepositories: listOf(flags["exclude-repository"]),
  };
}

/** A number of things, one at least. */
export function parseCount(text: string, flag: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot use --${flag}: "${text}" is not a whole number above 0`);
}

function isOn(value: boolean | undefined): boolean {
  return value ?? false;
}

function listOf(value: readonly string[] | undefined): readonly string[] {
  return value ?? [];
}
