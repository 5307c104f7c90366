import type { RepositoryReference } from "../oci/reference.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";

/** A target that is looked into: a repository of a registry with everything below it. */
export interface TargetPlace<Repository = SourceRepository> {
  readonly target: RepositoryReference;
  readonly openTarget: (reference: RepositoryReference) => Repository;
  /** Paths of all repositories of the registry; rejects where it does not tell. */
  readonly listRepositories: (options?: OperationOptions) => AsyncIterable<string>;
}

/** `mirror/modules/foo` below `mirror` → `modules/foo`; empty for the target itself, undefined for what is beside it. */
export function pathBelow(target: RepositoryReference, repository: string): string | undefined {
  if (repository === target.repository) return "";
  const prefix = `${target.repository}/`;
  return repository.startsWith(prefix) ? repository.slice(prefix.length) : undefined;
}

/** The inverse. */
export function referenceBelow(target: RepositoryReference, path: string): RepositoryReference {
  return path === "" ? target : { ...target, repository: `${target.repository}/${path}` };
}
