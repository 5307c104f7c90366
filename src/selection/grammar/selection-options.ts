import type { OptionKinds } from "../../check-options.ts";
import type { PlatformWishes } from "./parse-platform-releases.ts";
import type { TagWishes } from "./parse-tag-limits.ts";
import type { ChartImages } from "./selection.ts";

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

export const SELECTION_OPTION_KINDS = {
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
