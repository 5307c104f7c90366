import { isTag } from "../../oci/reference.ts";
import type { OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import { RegistryResponseError } from "../errors.ts";
import type { RepositoryContext } from "./blobs.ts";
import { listNames } from "./name-list.ts";
import { TagListUnsupportedError } from "./tag-list-error.ts";

/** All tags of a repository. That the registry lists no tags at all is a `TagListUnsupportedError`. */
export async function* listTags(
  { host, repository }: RepositoryContext,
  options: OperationOptions = {},
): AsyncIterable<string> {
  const path = `/v2/${repository}/tags/list`;
  const scopes = [repositoryScope(repository, "pull")];
  try {
    yield* listNames(host, { field: "tags", path, scopes, isName }, options);
  } catch (error) {
    throw isUnsupported(error) ? new TagListUnsupportedError(repository, error) : error;
  }
}

/** Artifactory lists the folder of its uploads among the tags. */
function isName(text: string): boolean {
  return isTag(text) && text !== "_uploads";
}

/** Of a later page it would mean that a list which has begun cannot be read. */
function isUnsupported(error: unknown): error is RegistryResponseError {
  if (!(error instanceof RegistryResponseError)) return false;
  if (error.page !== undefined || error.isIndirect) return false;
  const isSaid = error.serverErrors.some(({ code }) => code === "UNSUPPORTED");
  return NO_LIST_STATUSES.has(error.status) || (isSaid && [400, 404].includes(error.status));
}

const NO_LIST_STATUSES: ReadonlySet<number> = new Set([405, 501]);
