import { formatReference } from "../../../oci/reference.ts";
import { option } from "../../../option.ts";
import { isChannel } from "../../../product/channel.ts";
import { parseModulesPath } from "../../../product/modules-path.ts";
import { parseVersion } from "../../../versions/tag-version.ts";
import { isDigestTag } from "../../documents/digest-tag.ts";
import { SelectionUnmatchedError } from "../../errors.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import { isModuleName } from "../../grammar/selector.ts";
import type { SourceReader } from "../source-reader.ts";
import type { Family } from "./family.ts";

/** The names of all modules (or packages) of the source but the excluded ones, sorted. */
export async function listModuleNames(
  family: Family,
  selection: SourceSelection,
  reader: SourceReader,
): Promise<string[]> {
  const catalog = formatReference(family.catalogOf(selection));
  const { exclude } = family.wishesOf(selection);
  const listed = (await reader.listTags(family.catalogOf(selection))) ?? [];
  const tags = isShared(family, selection) ? listed.filter(isNameLike) : listed;
  if (tags.length === 0) {
    refuseAsked(family, selection);
    reader.notice(
      "MODULES_MISSING",
      `The source has no list of ${family.noun}s at "${catalog}": no ${family.noun}s are taken`,
    );
    return [];
  }
  for (const name of exclude) {
    if (tags.includes(name)) continue;
    reader.notice(
      "EXCLUDE_UNKNOWN",
      `${option(family.exclude)} "${name}" has no effect: the source has no such ${family.noun}`,
    );
  }
  const names = [...new Set(tags)].filter((name) => !exclude.includes(name)).sort();
  return names.filter((name) => {
    if (isModuleName(name)) return true;
    reader.notice(
      "MODULE_NAME_INVALID",
      `Tag "${name}" of "${catalog}" is skipped: it cannot be the name of a ${family.noun}`,
    );
    return false;
  });
}

/** With `modulesPathSuffix: "/"` the names of modules stand among the tags of the platform. */
function isShared(family: Family, selection: SourceSelection): boolean {
  return formatReference(family.catalogOf(selection)) === formatReference(selection.source);
}

function isNameLike(tag: string): boolean {
  return !isChannel(tag) && !isDigestTag(tag) && parseVersion(tag) === undefined;
}

/** Who says where modules are, or which of them not to take, counts on having some. */
function refuseAsked(family: Family, selection: SourceSelection): void {
  const { noun, without } = family;
  const isMoved = noun === "module" && selection.modules.pathSuffix !== parseModulesPath();
  if (!isMoved && family.wishesOf(selection).exclude.length === 0) return;
  const place = formatReference(family.catalogOf(selection));
  throw new SelectionUnmatchedError(`any ${noun}`, `no tag of "${place}" is the name of one`, {
    hint: `Check ${option("source")} and ${option("modulesPathSuffix")}, or use ${option(without)}`,
  });
}
