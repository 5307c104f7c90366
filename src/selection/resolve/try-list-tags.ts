import type { RepositoryReference } from "../../oci/reference.ts";
import { isListRefused } from "../../store/errors.ts";
import type { SourceReader } from "./source-reader.ts";

/**
 * All tags. `absent`: there is no such repository; `refused`: it may be there, and is not listed to us.
 */
export async function tryListTags(
  reader: Pick<SourceReader, "listTags">,
  repository: RepositoryReference,
): Promise<readonly string[] | "absent" | "refused"> {
  try {
    return (await reader.listTags(repository)) ?? "absent";
  } catch (error) {
    if (isListRefused(error)) return "refused";
    throw error;
  }
}
