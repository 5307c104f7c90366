import { isTag } from "../../oci/reference.ts";
import type { OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { RepositoryContext } from "./blobs.ts";
import { listNames } from "./name-list.ts";

/** All tags of a repository. */
export function listTags(
  { host, repository }: RepositoryContext,
  options: OperationOptions = {},
): AsyncIterable<string> {
  const path = `/v2/${repository}/tags/list`;
  const scopes = [repositoryScope(repository, "pull")];
  return listNames(host, { field: "tags", path, scopes, isName: isTag }, options);
}
