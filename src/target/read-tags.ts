import { allSettledOrThrow } from "../all-settled.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { shareOut } from "../run/share-out.ts";
import { isListRefused, isMissing } from "../store/errors.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";

/** Small answers, where the round trip is what costs. */
const CONCURRENCY = 8;

export interface TagsOfRepository {
  readonly tags: ReadonlyMap<string, Descriptor>;
  /** Tags that are listed and point at nothing that is there. */
  readonly broken: readonly string[];
  /** The target gives no list of them: these are the known ones that it has, and it may have others. */
  readonly isUnlisted: boolean;
}

export interface ReadTagsOptions extends OperationOptions {
  /** Tags to ask for where there is no list; default: without a list, that it is refused is the answer. */
  readonly known?: readonly string[] | undefined;
}

/** What each tag of a repository points at; no tags for a repository that is not there. */
export async function readTags(
  repository: Pick<SourceRepository, "listTags" | "resolve">,
  options: ReadTagsOptions,
): Promise<TagsOfRepository> {
  const { known = [], signal } = options;
  const listed = await listNames(repository, options);
  const isListed = typeof listed !== "string";
  const { tags, missing } = await resolveAll(repository, isListed ? listed : known, { signal });
  return {
    tags: new Map([...tags].sort(([left], [right]) => (left < right ? -1 : 1))),
    broken: isListed ? missing.sort() : [],
    isUnlisted: listed === "refused" || (listed === "absent" && tags.size > 0),
  };
}

async function resolveAll(
  repository: Pick<SourceRepository, "resolve">,
  names: readonly string[],
  { signal }: OperationOptions,
): Promise<{ readonly tags: Map<string, Descriptor>; readonly missing: string[] }> {
  const tags = new Map<string, Descriptor>();
  const missing: string[] = [];
  const reading = shareOut(names, CONCURRENCY, async (tag) => {
    signal?.throwIfAborted();
    try {
      tags.set(tag, await repository.resolve(tag, { signal }));
    } catch (error) {
      if (!isMissing(error)) throw error;
      missing.push(tag);
    }
  });
  await allSettledOrThrow(reading);
  return { tags, missing };
}

/** Some say that what they do not list is absent. */
async function listNames(
  repository: Pick<SourceRepository, "listTags">,
  { known, signal }: ReadTagsOptions,
): Promise<string[] | "absent" | "refused"> {
  const names: string[] = [];
  try {
    for await (const tag of repository.listTags({ signal })) names.push(tag);
    return names;
  } catch (error) {
    if (names.length > 0) throw error;
    // Registries list repositories of which nothing is left
    if (isMissing(error)) return "absent";
    if (known !== undefined && isListRefused(error)) return "refused";
    throw error;
  }
}
