import { MirrorError } from "../../errors.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import type { SourceReader } from "./source-reader.ts";

/**
 * All tags. `absent`: there is no such repository; `refused`: who may read an image may not always list its repository, and
 * nothing is said of what is there.
 */
export async function tryListTags(
  reader: Pick<SourceReader, "listTags">,
  repository: RepositoryReference,
): Promise<readonly string[] | "absent" | "refused"> {
  try {
    return (await reader.listTags(repository)) ?? "absent";
  } catch (error) {
    if (error instanceof MirrorError && error.code === "REGISTRY_DENIED") return "refused";
    throw error;
  }
}
