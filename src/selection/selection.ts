import type { Platform } from "../oci/platform.ts";
import type { Reference, RepositoryReference } from "../oci/reference.ts";

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
  /** Exact tags, each with the channels that it is published to in the target. */
  | { readonly kind: "exact"; readonly pins: readonly ExactPin[] };

export interface ExactPin {
  readonly tag: string;
  /** `all`: every release channel; otherwise the one that was named. */
  readonly channel: "all" | string;
}

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

/** The user's wishes, parsed; two equal selections have equal JSON. */
export interface Selection {
  /** Repository below which modules live; needed for modules only. */
  readonly source?: RepositoryReference | undefined;
  readonly modules: {
    /** False with `--no-modules` and nothing included, or without a source. */
    readonly enabled: boolean;
    /** Empty: all modules of the source. Sorted by name, one per name. */
    readonly include: readonly ModuleSelector[];
    readonly exclude: readonly string[];
    /** Path of the modules below the source, without slashes at the ends; empty = directly below it. */
    readonly pathSuffix: string;
    readonly onlyExtraImages: boolean;
  };
  readonly images: readonly ImageSelector[];
  /** Children of indexes that are kept; empty = all. */
  readonly platforms: readonly Platform[];
  /** Keep only the highest patch of each minor in ranges. */
  readonly latestPatch: boolean;
}
