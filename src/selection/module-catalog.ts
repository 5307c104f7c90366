import { formatReference } from "../oci/reference.ts";
import type { Family } from "./family.ts";
import type { SourceSelection } from "./selection.ts";
import { isModuleName } from "./selector.ts";
import type { SourceReader } from "./source-reader.ts";

/** The names of all modules (or packages) of the source but the excluded ones, sorted. */
export async function listModuleNames(
  family: Family,
  selection: SourceSelection,
  reader: SourceReader,
): Promise<string[]> {
  const catalog = formatReference(family.catalogOf(selection));
  const { exclude } = family.wishesOf(selection);
  const tags = await reader.listTags(family.catalogOf(selection));
  if (tags === undefined) {
    reader.notice(
      "modules-missing",
      `The source has no list of ${family.noun}s at "${catalog}": no ${family.noun}s are taken`,
    );
    return [];
  }
  for (const name of exclude) {
    if (tags.includes(name)) continue;
    reader.notice(
      "exclude-unknown",
      `--exclude-${family.noun} "${name}" has no effect: the source has no such ${family.noun}`,
    );
  }
  const names = [...new Set(tags)].filter((name) => !exclude.includes(name)).sort();
  return names.filter((name) => {
    if (isModuleName(name)) return true;
    reader.notice(
      "module-name-invalid",
      `Tag "${name}" of "${catalog}" is skipped: it cannot be the name of a ${family.noun}`,
    );
    return false;
  });
}
