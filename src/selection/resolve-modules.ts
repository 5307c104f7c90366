import { catalogOf, listModuleNames } from "./module-catalog.ts";
import { resolveModule } from "./resolve-module.ts";
import type { Root } from "./root.ts";
import type { Selection } from "./selection.ts";
import type { SourceReader } from "./source-reader.ts";
import { allMatched } from "./unmatched.ts";

/** The roots of all selected modules: the named ones, or all of the source but the excluded. */
export async function resolveModules(selection: Selection, reader: SourceReader): Promise<Root[]> {
  const { source, modules } = selection;
  if (source === undefined || !modules.enabled) return [];
  const isNamed = modules.include.length > 0;
  const selectors = isNamed
    ? modules.include
    : (await listModuleNames(catalogOf(source, modules), modules, reader)).map((name) => ({
        name,
        filter: { kind: "default" as const },
      }));
  const options = { source, selection, reader, isNamed };
  const roots = await allMatched(selectors.map((selector) => resolveModule(selector, options)));
  return roots.flat();
}
