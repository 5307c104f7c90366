import type { PackageKind } from "../../contents/contents.ts";
import { joinRepository, type RepositoryReference } from "../../oci/reference.ts";
import type { ModuleSelector, Selection, SourceSelection } from "../grammar/selection.ts";

/** Modules and packages are the same thing at two places: all that differs is said here. */
export interface Family {
  /** Also the prefix of package files and the end of flag names. */
  readonly noun: "module" | "package";
  readonly kind: PackageKind;
  /** Path below the target. */
  readonly directory: string;
  /** Last segment of the repository of release images. */
  readonly releases: string;
  /** The repository whose tags are the names. */
  readonly catalogOf: (selection: SourceSelection) => RepositoryReference;
  readonly wishesOf: (selection: Selection) => FamilyWishes;
}

export interface FamilyWishes {
  readonly enabled: boolean;
  readonly include: readonly ModuleSelector[];
  readonly exclude: readonly string[];
  readonly onlyExtraImages: boolean;
}

export const MODULES: Family = {
  noun: "module",
  kind: "module",
  directory: "modules",
  releases: "release",
  catalogOf: ({ source, modules }) => joinRepository(source, modules.pathSuffix),
  wishesOf: ({ modules }) => modules,
};

export const PACKAGES: Family = {
  noun: "package",
  kind: "package",
  directory: "packages",
  releases: "version",
  catalogOf: ({ source }) => joinRepository(source, "packages"),
  wishesOf: ({ packages }) => packages,
};
