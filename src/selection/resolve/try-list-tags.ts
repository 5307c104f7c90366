import { MirrorError } from "../../errors.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import type { SourceReader } from "./source-reader.ts";

/**
 * All tags; undefined where there is no such repository, and where the list is refused: who may read an image may not
 * always list its repository.
 */
export async function tryListTags(
  reader: Pick<SourceReader, "listTags">,
  repository: RepositoryReference,
): Promise<readonly string[] | undefined> {
  try {
    return await reader.listTags(repository);
  } catch (error) {
    if (error instanceof MirrorError && error.code === "REGISTRY_DENIED") return undefined;
    throw error;
  }
}
