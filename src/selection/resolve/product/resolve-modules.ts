import { formatReference, joinRepository } from "../../../oci/reference.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import { whyLeftOut } from "../exclusion.ts";
import type { Root } from "../root.ts";
import type { SourceReader } from "../source-reader.ts";
import { allMatched } from "../unmatched.ts";
import type { Component } from "./component.ts";
import { type Family, MODULES, PACKAGES } from "./family.ts";
import { listModuleNames } from "./module-catalog.ts";
import { resolveModule } from "./resolve-module.ts";

/** Modules and packages: the named ones, or all of the source but the excluded. */
export const MODULES_COMPONENT: Component = {
  ...createComponent(MODULES, "modules"),
  without: "noModules",
  // What a plain source is for: having none is a notice of its own
  probe: async (selection, reader) => {
    await reader.listTags(MODULES.catalogOf(selection));
    return true;
  },
};

export const PACKAGES_COMPONENT: Component = createComponent(PACKAGES, "packages");

function createComponent(family: Family, name: string): Component {
  return {
    name,
    wishOf: (selection) => {
      const { enabled, include } = family.wishesOf(selection);
      if (!enabled) return "no";
      return include.length > 0 ? "asked" : "if-there";
    },
    placeOf: (selection) => family.catalogOf(selection),
    probe: async (selection, reader) => {
      const tags = await reader.listTags(family.catalogOf(selection));
      return tags !== undefined && tags.length > 0;
    },
    resolve: (selection, reader) => resolveFamily(family, selection, reader),
  };
}

async function resolveFamily(
  family: Family,
  selection: SourceSelection,
  reader: SourceReader,
): Promise<Root[]> {
  const { include } = family.wishesOf(selection);
  const isNamed = include.length > 0;
  const selectors = isNamed
    ? include
    : (await listModuleNames(family, selection, reader)).map((name) => ({
        name,
        filter: { kind: "default" as const },
      }));
  const options = { family, selection, reader, isNamed };
  const wanted = selectors.filter(({ name }) => {
    const repository = joinRepository(family.catalogOf(selection), name);
    const reason = whyLeftOut(repository, selection.repositories);
    if (reason !== undefined) reader.exclude({ repository: formatReference(repository), reason });
    return reason === undefined;
  });
  const roots = await allMatched(wanted.map((selector) => resolveModule(selector, options)));
  return roots.flat();
}
