import { MirrorError } from "../errors.ts";
import { formatReference, joinRepository, type RepositoryReference } from "../oci/reference.ts";
import { sharedPlacesOf } from "./bare-root.ts";
import { readContract, worksWith } from "./plugin-contract.ts";
import type { Root } from "./root.ts";
import type { ModuleSelector, SourceSelection } from "./selection.ts";
import { exactPinsOf, isModuleName } from "./selector.ts";
import type { FoundImage, SourceReader } from "./source-reader.ts";
import { parseVersion } from "./tag-version.ts";
import { allMatched, imageUnmatched } from "./unmatched.ts";
import { selectTags, sortTags } from "./version-filter.ts";

const DIRECTORY = "deckhouse-cli/plugins";

/**
 * Plugins of the command line: those that were named, and of the others the newest version that works with each
 * version of a module that is taken. Their contracts say which modules they are for.
 */
export async function resolvePlugins(
  selection: SourceSelection,
  roots: readonly Root[],
  reader: SourceReader,
): Promise<Root[]> {
  const groups = await allMatched([
    ...selection.plugins.include.map((selector) => resolveNamed(selector, selection, reader)),
    chooseForModules(selection, roots, reader),
  ]);
  const found = new Map(
    groups.flat().map((root) => [`${root.repository}:${root.reference}`, root]),
  );
  return [...found.values()];
}

async function resolveNamed(
  { name, filter }: ModuleSelector,
  selection: SourceSelection,
  reader: SourceReader,
): Promise<Root[]> {
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
  if (filter.kind === "exact") return pinned.map((image) => createRoot(name, image));
  for (const repository of repositories) {
    const tags = await reader.listTags(repository);
    if (tags === undefined) continue;
    const { latestPatch } = selection;
    const wanted =
      filter.kind === "range"
        ? selectTags(tags, filter, { latestPatch })
        : released(tags).slice(-1);
    const found = await findAll(repository, wanted, reader);
    if (found.length > 0) return [...pinned, ...found].map((image) => createRoot(name, image));
  }
  throw await pluginUnmatched(name, { place, reader });
}

interface UnmatchedPlugin {
  readonly tag?: string;
  readonly place: RepositoryReference | undefined;
  readonly reader: SourceReader;
}

async function pluginUnmatched(name: string, { tag, place, reader }: UnmatchedPlugin) {
  const repository = joinRepository(place ?? { registry: "", repository: "" }, DIRECTORY, name);
  return imageUnmatched(repository, {
    reader,
    subject: tag === undefined ? `plugin "${name}"` : `tag "${tag}" of plugin "${name}"`,
    reason: "the source does not have such a version",
    wanted: tag,
  });
}

/** Module → tags of the versions that are taken. */
type TakenModules = ReadonlyMap<string, readonly string[]>;

async function chooseForModules(
  selection: SourceSelection,
  roots: readonly Root[],
  reader: SourceReader,
): Promise<Root[]> {
  const modules = takenModules(roots);
  if (!selection.plugins.automatic || modules.size === 0) return [];
  const named = new Set(selection.plugins.include.map(({ name }) => name));
  for (const catalog of placesOf(selection)) {
    const names = await tryListTags(catalog, reader);
    if (names === undefined || names.length === 0) continue;
    const groups = await allMatched(
      [...new Set(names)]
        .filter((name) => isModuleName(name) && !named.has(name))
        .map((name) => choosePlugin(name, { catalog, modules, reader })),
    );
    return groups.flat();
  }
  return [];
}

interface ChooseOptions {
  readonly catalog: RepositoryReference;
  readonly modules: TakenModules;
  readonly reader: SourceReader;
}

/** Whether a plugin is for a module is what its newest version says. */
async function choosePlugin(
  name: string,
  { catalog, modules, reader }: ChooseOptions,
): Promise<Root[]> {
  const repository = joinRepository(catalog, name);
  const newestFirst = released((await tryListTags(repository, reader)) ?? []).reverse();
  const [newest] = await findAll(repository, newestFirst.slice(0, 1), reader);
  const contract = newest && readContract(newest.manifest);
  if (contract === undefined) return [];
  const chosen = new Map<string, FoundImage>();
  for (const module of [...contract.modules.keys()].filter((key) => modules.has(key))) {
    for (const version of modules.get(module) ?? []) {
      const image = await findWorking({ repository, newestFirst, reader }, module, version);
      if (image) chosen.set(image.reference, image);
      else {
        const message = `No version of plugin "${name}" works with ${version} of module "${module}"`;
        reader.notice("plugins-not-chosen", message);
      }
    }
  }
  return [...chosen.values()].map((image) => createRoot(name, image));
}

interface PluginVersions {
  readonly repository: RepositoryReference;
  readonly newestFirst: readonly string[];
  readonly reader: SourceReader;
}

async function findWorking(
  { repository, newestFirst, reader }: PluginVersions,
  module: string,
  version: string,
): Promise<FoundImage | undefined> {
  for (const tag of newestFirst) {
    const [image] = await findAll(repository, [tag], reader);
    const contract = image && readContract(image.manifest);
    if (contract && worksWith(contract, module, version)) return image;
  }
  return undefined;
}

function takenModules(roots: readonly Root[]): TakenModules {
  const modules = new Map<string, string[]>();
  for (const { packageKind, kind, repository, reference } of roots) {
    const [, name, ...rest] = repository.split("/");
    if (packageKind !== "module" || kind !== "image" || name === undefined) continue;
    if (rest.length > 0 || parseVersion(reference) === undefined) continue;
    modules.set(name, [...(modules.get(name) ?? []), reference]);
  }
  return modules;
}

function placesOf({ source }: SourceSelection): RepositoryReference[] {
  return sharedPlacesOf(source).map((place) => joinRepository(place, DIRECTORY));
}

/** Not everybody may read the plugins, and not everybody needs them. */
async function tryListTags(
  repository: RepositoryReference,
  reader: SourceReader,
): Promise<readonly string[] | undefined> {
  try {
    return await reader.listTags(repository);
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== "REGISTRY_DENIED") throw error;
    const place = formatReference(repository);
    reader.notice(
      "component-denied",
      `Access to "${place}" is denied: no plugins are taken from it`,
    );
    return undefined;
  }
}

async function findAll(
  repository: RepositoryReference,
  tags: readonly string[],
  reader: SourceReader,
): Promise<FoundImage[]> {
  const found = await Promise.all(
    tags.map(async (reference) => {
      const manifest = await reader.findManifest(repository, reference);
      return manifest === undefined ? [] : [{ repository, reference, manifest }];
    }),
  );
  return found.flat();
}

/** Ascending, without pre-releases. */
function released(tags: readonly string[]): string[] {
  return sortTags(tags.filter((tag) => parseVersion(tag)?.prerelease.length === 0));
}

function createRoot(name: string, { repository, reference, manifest }: FoundImage): Root {
  const path = `${DIRECTORY}/${name}`;
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
