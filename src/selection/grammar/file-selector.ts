import { basename } from "node:path";
import { isRepositoryName, isTag } from "../../oci/reference.ts";
import type { FileSelector } from "./selection.ts";
import { createRefuse } from "./selector.ts";

const FORMS = "Write path[:name[:tag]], with the name as a repository path below the target";

const DEFAULT_TAG = "latest";

/**
 * Parses `path[:name[:tag]]`. What stands behind the first colon is a name if it can be one: `C:\x.iso` has none. Without a name
 * a file is called as it is, in lower case and with a dash for what no repository path can have.
 */
export function parseFileSelector(entry: string): FileSelector {
  const refuse = createRefuse(entry, "includeFiles");
  const text = entry.trim();
  if (text === "") throw refuse("the path is missing", FORMS);
  for (let colon = text.indexOf(":"); colon > 0; colon = text.indexOf(":", colon + 1)) {
    const [repository = "", tag = DEFAULT_TAG, ...more] = text.slice(colon + 1).split(":");
    const isName = isRepositoryName(repository) && isTag(tag) && more.length === 0;
    if (isName) return { path: text.slice(0, colon), repository, tag };
  }
  const repository = basename(text)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, (found) => (/^(?:[._]|__|-+)$/.test(found) ? found : "-"))
    .replace(/^[._-]+|[._-]+$/g, "");
  if (isRepositoryName(repository)) return { path: text, repository, tag: DEFAULT_TAG };
  throw refuse("no name for the target can be made of it", FORMS);
}
