import { isTag } from "../../oci/reference.ts";
import type { OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { RepositoryContext } from "./blobs.ts";
import { type JsonPage, listPages } from "./pages.ts";

/** Asked for in one page: more is an error at some registries. */
const PAGE_SIZE = 1000;

/** All tags of a repository, page by page in the order of the server. */
export async function* listTags(
  context: RepositoryContext,
  { signal }: OperationOptions = {},
): AsyncIterable<string> {
  const { host, repository } = context;
  const path = `/v2/${repository}/tags/list`;
  const pages = listPages(host, {
    path: `${path}?n=${PAGE_SIZE}`,
    // servers with a smaller limit refuse the number instead of lowering it
    pathWithoutSize: path,
    scopes: [repositoryScope(repository, "pull")],
    signal,
  });
  for await (const page of pages) {
    for (const tag of tagsOf(page)) {
      if (isTag(tag)) yield tag;
    }
  }
}

/** Some registries answer `null` for a repository without tags. */
function tagsOf({ document }: JsonPage): readonly string[] {
  const tags = (document as { tags?: unknown } | null)?.tags;
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [];
}
