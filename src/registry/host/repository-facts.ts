import type { Digest } from "../../oci/digest.ts";

/** What a run has seen of one repository: a host may have several kinds of them. */
export interface RepositoryFacts {
  /** A blob that it has. */
  seenBlob: Digest | undefined;
  /** How many blobs in a row it did not have when they were to be sent. */
  missingInRow: number;
  /** Whether it answers 201 to a mount of what it has from itself. */
  mountsItself: "untried" | "being tried" | "yes" | "no";
}

/** The facts of a repository, which anybody may change. */
export function repositoryFactsOf(
  { repositories }: { readonly repositories: Map<string, RepositoryFacts> },
  repository: string,
): RepositoryFacts {
  const known = repositories.get(repository);
  if (known) return known;
  const facts: RepositoryFacts = {
    seenBlob: undefined,
    missingInRow: 0,
    mountsItself: "untried",
  };
  repositories.set(repository, facts);
  return facts;
}
