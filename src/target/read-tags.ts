import pLimit from "p-limit";
import type { Descriptor } from "../oci/descriptor.ts";
import { isMissing } from "../store/errors.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";

/** Small answers, where the round trip is what costs. */
const CONCURRENCY = 8;

export interface TagsOfRepository {
  readonly tags: ReadonlyMap<string, Descriptor>;
  /** Tags that are listed and point at nothing that is there. */
  readonly broken: readonly string[];
}

/** What each tag of a repository points at; no tags for a repository that is not there. */
export async function readTags(
  repository: Pick<SourceRepository, "listTags" | "resolve">,
  { signal }: OperationOptions,
): Promise<TagsOfRepository> {
  const limit = pLimit(CONCURRENCY);
  const tags = new Map<string, Descriptor>();
  const broken: string[] = [];
  const names = await listNames(repository, { signal });
  const reading = names.map((tag) =>
    limit(async () => {
      signal?.throwIfAborted();
      try {
        tags.set(tag, await repository.resolve(tag, { signal }));
      } catch (error) {
        if (!isMissing(error)) throw error;
        broken.push(tag);
      }
    }),
  );
  const failed = (await Promise.allSettled(reading)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  return {
    tags: new Map([...tags].sort(([left], [right]) => (left < right ? -1 : 1))),
    broken: broken.sort(),
  };
}

async function listNames(
  repository: Pick<SourceRepository, "listTags">,
  options: OperationOptions,
): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const tag of repository.listTags(options)) names.push(tag);
  } catch (error) {
    // Registries list repositories of which nothing is left
    if (!isMissing(error) || names.length > 0) throw error;
  }
  return names;
}
