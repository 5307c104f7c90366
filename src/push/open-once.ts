import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import type { TargetRepository } from "../store/store.ts";

type OpenTarget = (reference: RepositoryReference) => TargetRepository;

/** Opens each repository of the target once. */
export function openOnce(openTarget: OpenTarget): OpenTarget {
  const repositories = new Map<string, TargetRepository>();
  // The same by the object that names it, which each blob asks for
  const opened = new WeakMap<RepositoryReference, TargetRepository>();
  return (reference) => {
    const known = opened.get(reference);
    if (known) return known;
    const key = formatReference(reference);
    const repository = repositories.get(key) ?? openTarget(reference);
    repositories.set(key, repository);
    opened.set(reference, repository);
    return repository;
  };
}
