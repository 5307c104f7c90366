import { formatReference, joinRepository, type RepositoryReference } from "../oci/reference.ts";
import type { Selection } from "./selection.ts";
import { isModuleName } from "./selector.ts";
import type { SourceReader } from "./source-reader.ts";

/** The repository whose tags are the names of the modules. */
export function catalogOf(
  source: RepositoryReference,
  { pathSuffix }: Selection["modules"],
): RepositoryReference {
  return joinRepository(source, pathSuffix);
}

/** The names of all modules of the source but the excluded ones, sorted. */
export async function listModuleNames(
  catalog: RepositoryReference,
  { exclude }: Selection["modules"],
  reader: SourceReader,
): Promise<string[]> {
  const tags = await reader.listTags(catalog);
  if (tags === undefined) {
    reader.notice(
      "modules-missing",
      `The source has no list of modules at "${formatReference(catalog)}": no modules are taken`,
    );
    return [];
  }
  for (const name of exclude) {
    if (tags.includes(name)) continue;
    reader.notice(
      "exclude-unknown",
      `--exclude-module "${name}" has no effect: the source has no such module`,
    );
  }
  const names = [...new Set(tags)].filter((name) => !exclude.includes(name)).sort();
  return names.filter((name) => {
    if (isModuleName(name)) return true;
    reader.notice(
      "module-name-invalid",
      `Tag "${name}" of "${formatReference(catalog)}" is skipped: it cannot be the name of a module`,
    );
    return false;
  });
}
