import { joinRepository, type RepositoryReference } from "../../../oci/reference.ts";
import { option } from "../../../option.ts";
import { sharedPlacesOf } from "../../../product/edition-roots.ts";
import { PLUGINS_DIRECTORY } from "../../../product/layouts.ts";
import { parseVersion } from "../../../versions/tag-version.ts";
import {
  isMet,
  requirementOf,
  type TakenVersions,
  unmetOf,
} from "../../documents/plugin-contract.ts";
import { SelectionUnmatchedError } from "../../errors.ts";
import type { ModuleSelector, SourceSelection } from "../../grammar/selection.ts";
import { exactPinsOf } from "../../grammar/selector.ts";
import { isListing } from "../../grammar/version-filter.ts";
import { chooseTags } from "../choose-tags.ts";
import { findListed, reportUnread } from "../list-candidates.ts";
import type { Root } from "../root.ts";
import type { FoundImage, SourceReader } from "../source-reader.ts";
import { allMatched, imageUnmatched } from "../unmatched.ts";
import { listPlugins, openCatalog, placesOf, readPlugin, released } from "./plugin-catalog.ts";
import { findNeeds, type PluginCatalog, type PluginVersion } from "./plugin-needs.ts";

/**
 * Plugins of the command line: those that were named, of the others the newest version that works with each version of
 * a module that is taken, and the plugins that these need. Their contracts say so.
 */
export async function resolvePlugins(
  selection: SourceSelection,
  roots: readonly Root[],
  reader: SourceReader,
): Promise<Root[]> {
  const scope: PluginScope = {
    selection,
    reader,
    taken: takenVersions(roots),
    catalog: openCatalog(selection, reader),
    chosen: [],
  };
  const named = await allMatched(
    selection.plugins.include.map((selector) => resolveNamed(selector, selection, reader)),
  );
  await addNamed(scope, named.flat());
  await addForModules(scope);
  for (const conflict of conflictsOf(scope.chosen, scope.taken)) {
    reader.notice("PLUGIN_UNMET", conflict);
  }
  const found = new Map(
    scope.chosen.map(({ name, image }) => [`${name}:${image.reference}`, createRoot(name, image)]),
  );
  return [...found.values()];
}

/** The versions of the platform and of modules among the roots of a pull. */
function takenVersions(roots: readonly Root[]): TakenVersions {
  const modules = new Map<string, string[]>();
  const platform: string[] = [];
  for (const { packageKind, kind, repository, reference } of roots) {
    const [, name, ...rest] = repository.split("/");
    if (kind !== "image" || parseVersion(reference) === undefined) continue;
    if (packageKind === "platform" && repository === "") platform.push(reference);
    if (packageKind !== "module" || name === undefined || rest.length > 0) continue;
    modules.set(name, [...(modules.get(name) ?? []), reference]);
  }
  return { modules, platform };
}

interface PluginScope {
  readonly selection: SourceSelection;
  readonly reader: SourceReader;
  readonly taken: TakenVersions;
  readonly catalog: PluginCatalog;
  /** Grows. */
  readonly chosen: PluginVersion[];
}

/** Named plugins, whatever they need of the cluster; the plugins that they need have to be there. */
async function addNamed(scope: PluginScope, named: readonly NamedImage[]): Promise<void> {
  const { catalog, chosen, reader, taken } = scope;
  const versions = await Promise.all(
    named.map(({ name, image }) => readPlugin(name, image, reader)),
  );
  chosen.push(...versions);
  const onUnmet = ({ name, image }: PluginVersion, unmet: string) => {
    const message = `Plugin "${name}" ${image.reference} ${unmet}, which is not taken: the cluster has to have it`;
    reader.notice("PLUGIN_UNMET", message);
  };
  for (const version of versions) {
    const { contract, image, name } = version;
    const title = `plugin "${name}" ${image.reference}`;
    if (contract === undefined) {
      const message = `The contract of ${title} cannot be read: what it needs is not known`;
      reader.notice("PLUGIN_UNMET", message);
      continue;
    }
    const unmet = unmetOf(contract, taken);
    if (unmet !== undefined) onUnmet(version, unmet);
    const needs = await findNeeds(version, { catalog, taken, chosen, onUnmet });
    if (typeof needs === "string") {
      const hint = `Name a version of it that is there with ${option("includePlugins")}`;
      throw new SelectionUnmatchedError(`what ${title} needs`, `it ${needs}`, { hint });
    }
    chosen.push(...needs);
  }
}

interface NamedImage {
  readonly name: string;
  readonly image: FoundImage;
}

async function resolveNamed(
  { name, filter }: ModuleSelector,
  selection: SourceSelection,
  reader: SourceReader,
): Promise<NamedImage[]> {
  const [place] = sharedPlacesOf(selection.source);
  const repositories = placesOf(selection).map((catalog) => joinRepository(catalog, name));
  const pins = exactPinsOf(filter).map(({ tag }) => tag);
  const pinned = await allMatched(
    pins.map(async (tag) => {
      for (const repository of repositories) {
        const manifest = await reader.findManifest(repository, tag);
        if (manifest !== undefined) return { repository, reference: tag, manifest };
      }
      throw await pluginUnmatched(name, { tag, place, reader });
    }),
  );
  if (filter.kind === "exact") return pinned.map((image) => ({ name, image }));
  for (const repository of repositories) {
    const tags = await reader.listTags(repository);
    if (tags === undefined) continue;
    if (filter.kind === "range") reportUnread(repository, tags, { reader });
    const wanted = isListing(filter)
      ? await chooseTags(repository, { tags, filter }, { selection, reader })
      : released(tags).slice(-1);
    const found = await allMatched(wanted.map((tag) => findListed(repository, tag, reader)));
    if (found.length > 0) return [...pinned, ...found].map((image) => ({ name, image }));
  }
  throw await pluginUnmatched(name, { place, reader });
}

interface UnmatchedPlugin {
  readonly tag?: string;
  readonly place: RepositoryReference | undefined;
  readonly reader: SourceReader;
}

async function pluginUnmatched(name: string, { tag, place, reader }: UnmatchedPlugin) {
  const repository = joinRepository(
    place ?? { registry: "", repository: "" },
    PLUGINS_DIRECTORY,
    name,
  );
  return imageUnmatched(repository, {
    reader,
    subject: tag === undefined ? `plugin "${name}"` : `tag "${tag}" of plugin "${name}"`,
    reason: "the source does not have such a version",
    wanted: tag,
  });
}

/** For each version of each module that a plugin is for, the newest version of the plugin that works with it. */
async function addForModules(scope: PluginScope): Promise<void> {
  const { catalog, reader, selection, taken } = scope;
  if (!selection.plugins.automatic || taken.modules.size === 0) return;
  const named = new Set(selection.plugins.include.map(({ name }) => name));
  const names = (await listPlugins(selection, reader)).filter((name) => !named.has(name));
  // Asked for together, looked at in order
  const newest = await Promise.all(names.map((name) => readNewest(name, catalog)));
  for (const [position, name] of names.entries()) {
    const contract = newest[position];
    if (contract === undefined) continue;
    for (const [module, tags] of taken.modules) {
      if (requirementOf(contract, module) === undefined) continue;
      for (const tag of tags) await addForModule(scope, name, { module, tag });
    }
  }
}

/** Whether a plugin is for a module is what the newest contract that can be read says. */
async function readNewest(name: string, catalog: PluginCatalog) {
  for (const tag of await catalog.listVersions(name)) {
    const version = await catalog.readVersion(name, tag);
    if (version?.contract !== undefined) return version.contract;
  }
  return undefined;
}

async function addForModule(
  { catalog, chosen, reader, taken }: PluginScope,
  name: string,
  { module, tag }: { readonly module: string; readonly tag: string },
): Promise<void> {
  let first = "";
  for (const candidate of await catalog.listVersions(name)) {
    const version = await catalog.readVersion(name, candidate);
    const contract = version?.contract;
    const paired = contract && requirementOf(contract, module);
    if (!version || !contract || !paired || !isMet(paired, tag)) continue;
    const unmet = unmetOf(contract, taken, module);
    const needs = unmet ?? (await findNeeds(version, { catalog, taken, chosen }));
    if (typeof needs !== "string") {
      chosen.push(version, ...needs);
      return;
    }
    first ||= `: ${candidate} ${needs}`;
  }
  const message = `No version of plugin "${name}" works with ${tag} of module "${module}"${first}`;
  reader.notice("PLUGINS_NOT_CHOSEN", message);
}

/** What plugins only ask for if it is there, and what is there in other versions only. Sentences. */
function conflictsOf(
  chosen: readonly PluginVersion[],
  { modules }: TakenVersions,
): readonly string[] {
  const plugins = new Map<string, string[]>();
  for (const { name, image } of chosen) {
    plugins.set(name, [...(plugins.get(name) ?? []), image.reference]);
  }
  return chosen.flatMap(({ name, image, contract }) => {
    const needs = [
      ...(contract?.modules.conditional ?? []).map((need) => ["module", need, modules] as const),
      ...(contract?.plugins.conditional ?? []).map((need) => ["plugin", need, plugins] as const),
    ];
    return needs.flatMap(([noun, need, there]) => {
      const tags = there.get(need.name) ?? [];
      if (tags.length === 0 || tags.some((tag) => isMet(need, tag))) return [];
      return [
        `Plugin "${name}" ${image.reference} does not work with what is taken of ${noun} "${need.name}": it needs ${need.constraint}`,
      ];
    });
  });
}

function createRoot(name: string, { repository, reference, manifest }: FoundImage): Root {
  const path = `${PLUGINS_DIRECTORY}/${name}`;
  return {
    packageName: `plugin-${name}`,
    packageKind: "plugin",
    layout: path,
    repository: path,
    tags: [reference],
    kind: "image",
    origin: repository,
    reference,
    manifest,
  };
}
