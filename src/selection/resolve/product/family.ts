import type { PackageKind } from "../../../contents/contents.ts";
import { joinRepository, type RepositoryReference } from "../../../oci/reference.ts";
import type { OptionName } from "../../../option.ts";
import * as product from "../../../product/layouts.ts";
import type { ModuleSelector, Selection, SourceSelection } from "../../grammar/selection.ts";

/** Modules and packages are the same thing at two places: all that differs is said here. */
export interface Family {
  /** Also the prefix of package files. */
  readonly noun: "module" | "package";
  readonly kind: PackageKind;
  /** Path below the target. */
  readonly directory: string;
  /** What leaves it out, all of it or by name. */
  readonly without: OptionName;
  readonly exclude: OptionName;
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
  readonly excludeVersions?: readonly ModuleSelector[] | undefined;
  readonly onlyExtraImages: boolean;
}

export const MODULES: Family = {
  noun: "module",
  kind: "module",
  ...product.MODULES,
  without: "noModules",
  exclude: "excludeModules",
  catalogOf: ({ source, modules }) => joinRepository(source, modules.pathSuffix),
  wishesOf: ({ modules }) => modules,
};

export const PACKAGES: Family = {
  noun: "package",
  kind: "package",
  ...product.PACKAGES,
  without: "noPackages",
  exclude: "excludePackages",
  catalogOf: ({ source }) => joinRepository(source, product.PACKAGES.directory),
  wishesOf: ({ packages }) => packages,
};
