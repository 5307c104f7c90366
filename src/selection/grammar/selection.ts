import type { Platform } from "../../oci/platform.ts";
import type { Reference, RepositoryReference } from "../../oci/reference.ts";
import type { TagPolicy } from "../../versions/tag-policy.ts";

/** `name[@constraint]` after parsing: which versions of one module (or tags of one image) are wanted. */
export type VersionFilter =
  /** Nothing said: what the release channels point at (modules), `latest` (images). */
  | { readonly kind: "default" }
  /** A range, normalised text; several are or-ed. Exact tags of the same name are taken besides it. */
  | {
      readonly kind: "range";
      readonly range: string;
      readonly pins?: readonly ExactPin[] | undefined;
    }
  /** Tags that one of some policies takes, and exact tags besides them. Sorted. */
  | {
      readonly kind: "policy";
      readonly policies: readonly TagPolicy[];
      readonly pins?: readonly ExactPin[] | undefined;
    }
  /** Exact tags, each with the channels that it is published to in the target. */
  | { readonly kind: "exact"; readonly pins: readonly ExactPin[] };

export interface ExactPin {
  readonly tag: string;
  /** `all`: every release channel; otherwise the one that was named. */
  readonly channel: "all" | string;
}

/** One module, package or plugin. */
export interface ModuleSelector {
  readonly name: string;
  readonly filter: VersionFilter;
}

export interface ImageSelector {
  /** As the user wrote it. */
  readonly text: string;
  readonly reference: Reference;
  readonly filter: VersionFilter;
}

/** What was made so long ago at most, or since then. */
export type NewerThan =
  | { readonly kind: "age"; readonly ms: number }
  /** RFC 3339. */
  | { readonly kind: "date"; readonly date: string };

/** What is kept of the tags that ranges and policies take. */
export interface TagLimits {
  /** Of each selector, so many of the newest. */
  readonly latest?: number | undefined;
  readonly newerThan?: NewerThan | undefined;
  /** Sorted. */
  readonly excludeTags: readonly TagPolicy[];
}

/** Repositories by name, with `*`; a name without a registry is one of Docker Hub's no more than anywhere else. Sorted. */
export interface RepositoryFilter {
  /** Empty: all. */
  readonly include: readonly string[];
  /** Wins. */
  readonly exclude: readonly string[];
}

/** A chart: `default` of its filter is the highest version that is no pre-release, as for Helm. */
export type ChartSelector = RegistryChart | RepositoryChart;

/** A chart that lies in a registry. */
export interface RegistryChart extends ImageSelector {
  readonly from: "registry";
}

/** A chart that a Helm repository lists. */
export interface RepositoryChart {
  readonly from: "repository";
  /** As the user wrote it. */
  readonly text: string;
  /** Of the repository, without a slash at its end. */
  readonly address: string;
  readonly name: string;
  readonly filter: VersionFilter;
}

/** Which images that charts name are taken: what says that it is one, or what looks like one too. */
export type ChartImages = "named" | "guess";

/** A file of this machine. */
export interface FileSelector {
  /** As the user wrote it. */
  readonly path: string;
  /** Repository path below the target. */
  readonly repository: string;
  readonly tag: string;
}

/** Which releases of the platform are wanted. */
export type PlatformReleases =
  /** What the channels point at, and the latest patch of each minor between them; `since` extends it downwards. */
  | { readonly kind: "channels"; readonly since?: string | undefined }
  | { readonly kind: "range"; readonly range: string }
  /** A channel, a version or any tag, and the channels that it is published to in the target. */
  | { readonly kind: "tag"; readonly tag: string; readonly channel: "all" | string };

/** All modules (or packages) of the source, or some of them. */
export interface MemberSelection {
  /** False with `noModules` and the like and nothing included, or without a source. */
  readonly enabled: boolean;
  /** Empty: all of the source. Sorted by name, one per name. */
  readonly include: readonly ModuleSelector[];
  readonly exclude: readonly string[];
  /** Versions that are left out; sorted by name, one per name. Missing: none. */
  readonly excludeVersions?: readonly ModuleSelector[] | undefined;
}

/**
 * The user's wishes, parsed; two equal selections have equal JSON. A component that is enabled and that no flag asks for
 * is taken if the source has it.
 */
export interface Selection {
  /** Repository below which everything but images lives. */
  readonly source?: RepositoryReference | undefined;
  readonly platform: {
    readonly enabled: boolean;
    readonly releases: PlatformReleases;
    /** Take releases although their channel is suspended. */
    readonly ignoreSuspend: boolean;
  };
  /** The standalone installer; `tag` only if it was asked for. */
  readonly installer: { readonly enabled: boolean; readonly tag?: string | undefined };
  /** The security databases. */
  readonly security: { readonly enabled: boolean };
  readonly modules: MemberSelection & {
    /** Path of the modules below the source, without slashes at the ends; empty = directly below it. */
    readonly pathSuffix: string;
    readonly onlyExtraImages: boolean;
  };
  readonly packages: MemberSelection & {
    readonly onlyExtraImages: boolean;
    /** The release images of all packages, whichever are taken. */
    readonly versions: boolean;
  };
  /** Plugins of the command line: the named ones, and with `automatic` those that modules need. */
  readonly plugins: {
    readonly automatic: boolean;
    readonly include: readonly ModuleSelector[];
  };
  readonly images: readonly ImageSelector[];
  readonly tags: TagLimits;
  /** Of images, modules and packages. */
  readonly repositories: RepositoryFilter;
  /** Missing: none. */
  readonly charts?: readonly ChartSelector[] | undefined;
  /** Missing: the images of charts are not looked for. */
  readonly chartImages?: ChartImages | undefined;
  /** Missing: none. */
  readonly files?: readonly FileSelector[] | undefined;
  /** Children of indexes that are kept; empty = all. */
  readonly platforms: readonly Platform[];
  /** Leave out attestations that the source lists in an index and does not have. */
  readonly skipMissingAttestations: boolean;
  /** Leave out layers that are not for redistribution. */
  readonly skipForeignLayers: boolean;
  /** Keep only the highest patch of each minor in ranges. */
  readonly latestPatch: boolean;
  /** Take the attestations of images. */
  readonly vex: boolean;
  /** Leave out what belongs to images: signatures, attestations, bills of materials and other referrers. */
  readonly skipReferrers: boolean;
  /** Types of these that are taken, with `*`; empty = all. */
  readonly referrerTypes: readonly string[];
  /** The source lists no tags: versions are asked for one by one. */
  readonly proxyRegistry: boolean;
}

/** A selection with a source: what resolving the components of a source needs. */
export type SourceSelection = Selection & { readonly source: RepositoryReference };
