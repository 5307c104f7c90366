import type { Digest } from "../oci/digest.ts";
import { isListRefused, isMissing } from "../store/errors.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import type { PruneEntry } from "./prune-list.ts";

/**
 * Tags of what was deleted that still lead to it. One list; only for what it still has there is a request more, and one for
 * each tag where there is no list.
 */
export async function findTagsLeft(
  repository: Pick<SourceRepository, "listTags" | "resolve">,
  deleted: readonly PruneEntry[],
  { signal }: OperationOptions,
): Promise<readonly string[]> {
  const digests = new Map<string, Digest>(
    deleted.flatMap(({ tags, digest }) => tags.map((tag) => [tag, digest] as const)),
  );
  const left: string[] = [];
  for (const tag of (await listTags(repository, { signal })) ?? digests.keys()) {
    const digest = digests.get(tag);
    if (digest !== undefined && (await leadsTo(repository, { tag, digest }, signal)))
      left.push(tag);
  }
  return left;
}

async function listTags(
  repository: Pick<SourceRepository, "listTags">,
  options: OperationOptions,
): Promise<readonly string[] | undefined> {
  const tags: string[] = [];
  try {
    for await (const tag of repository.listTags(options)) tags.push(tag);
  } catch (error) {
    if (isListRefused(error)) return undefined;
    // With its last tag, a repository may be gone
    if (!isMissing(error)) throw error;
  }
  return tags;
}

async function leadsTo(
  repository: Pick<SourceRepository, "resolve">,
  { tag, digest }: { readonly tag: string; readonly digest: Digest },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    return (await repository.resolve(tag, { signal })).digest === digest;
  } catch (error) {
    // Lists may be behind
    if (isMissing(error)) return false;
    throw error;
  }
}
