import type { RepositoryReference } from "../../../oci/reference.ts";
import { tagFor } from "../../documents/digest-tag.ts";
import type { ModuleSelector, SourceSelection, VersionFilter } from "../../grammar/selection.ts";
import type { Root } from "../root.ts";
import type { FoundImage, SourceReader } from "../source-reader.ts";
import type { Family } from "./family.ts";

export interface ResolveModuleOptions {
  readonly family: Family;
  readonly selection: SourceSelection;
  readonly reader: SourceReader;
  /** The user named it: nothing to take is an error then. */
  readonly isNamed: boolean;
}

/** One module while it is resolved. */
export interface ModuleScope extends ResolveModuleOptions, ModuleSelector {
  readonly repository: RepositoryReference;
  readonly release: RepositoryReference;
  readonly catalog: RepositoryReference;
  /** Versions that are left out, and the tags that were; these grow. */
  readonly excluded?: { readonly filter: VersionFilter; readonly tags: Set<string> } | undefined;
  /** Versions without a list of their images; grows. */
  readonly unlisted: string[];
}

interface RootPlace {
  readonly path?: string;
  readonly kind?: Root["kind"];
  readonly tags?: readonly string[];
}

/** A root below the directory of the module, unless it says otherwise. */
export function createRoot(
  scope: ModuleScope,
  { repository, reference, manifest }: FoundImage,
  { path = pathOf(scope), kind = "image", tags = [tagFor(reference)] }: RootPlace = {},
): Root {
  const { family, name } = scope;
  return {
    packageName: `${family.noun}-${name}`,
    packageKind: family.kind,
    layout: path,
    repository: path,
    tags,
    kind,
    origin: repository,
    reference,
    manifest,
  };
}

/** `modules/<name>` */
export function pathOf({ family, name }: ModuleScope): string {
  return `${family.directory}/${name}`;
}
