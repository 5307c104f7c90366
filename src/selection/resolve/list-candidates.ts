import type { RepositoryReference } from "../../oci/reference.ts";
import { parseConstraint } from "../../versions/constraint.ts";
import { walkVersions } from "../../versions/walk-versions.ts";
import type { Selection } from "../grammar/selection.ts";
import type { SourceReader } from "./source-reader.ts";

export interface ListCandidatesOptions {
  readonly selection: Pick<Selection, "proxyRegistry">;
  readonly reader: SourceReader;
  /** Spellings of a version that a walk tries, by what stands before it; default `v` alone. */
  readonly prefixes?: readonly string[];
}

/** The tags that a range can choose from: the tag list, or what a walk finds where there is none (`proxyRegistry`). */
export async function listCandidates(
  repository: RepositoryReference,
  { range }: { readonly range: string },
  { selection, reader, prefixes = ["v"] }: ListCandidatesOptions,
): Promise<readonly string[] | undefined> {
  if (!selection.proxyRegistry) return reader.listTags(repository);
  const found: string[] = [];
  await walkVersions(parseConstraint(range), async ({ text }) => {
    for (const tag of prefixes.map((prefix) => prefix + text)) {
      if ((await reader.findManifest(repository, tag)) === undefined) continue;
      found.push(tag);
      return true;
    }
    return false;
  });
  return found;
}
