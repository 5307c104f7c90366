import type { RepositoryReference } from "../oci/reference.ts";
import { parseConstraint } from "./constraint.ts";
import type { Selection } from "./selection.ts";
import type { SourceReader } from "./source-reader.ts";
import { walkVersions } from "./walk-versions.ts";

export interface ListCandidatesOptions {
  readonly selection: Pick<Selection, "proxyRegistry">;
  readonly reader: SourceReader;
}

/** The tags that a range can choose from: the tag list, or what a walk finds where there is none (`--proxy-registry`). */
export async function listCandidates(
  repository: RepositoryReference,
  { range }: { readonly range: string },
  { selection, reader }: ListCandidatesOptions,
): Promise<readonly string[] | undefined> {
  if (!selection.proxyRegistry) return reader.listTags(repository);
  const found = await walkVersions(parseConstraint(range), async ({ version }) => {
    const manifest = await reader.findManifest(repository, `v${version}`);
    return manifest !== undefined;
  });
  return found.map(({ version }) => `v${version}`);
}
