import { MirrorError } from "../../../errors.ts";
import {
  formatReference,
  joinRepository,
  type RepositoryReference,
} from "../../../oci/reference.ts";
import { sharedPlacesOf } from "../../../product/edition-roots.ts";
import { PLUGINS_DIRECTORY } from "../../../product/layouts.ts";
import { parseVersion } from "../../../versions/tag-version.ts";
import { contractHolderOf, isPrerelease, readContract } from "../../documents/plugin-contract.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import { isModuleName } from "../../grammar/selector.ts";
import { sortTags } from "../../grammar/version-filter.ts";
import type { FoundImage, SourceReader } from "../source-reader.ts";
import type { PluginCatalog, PluginVersion } from "./plugin-needs.ts";

/** The plugins of the first place that has some. */
export async function listPlugins(
  selection: SourceSelection,
  reader: SourceReader,
): Promise<string[]> {
  for (const place of placesOf(selection)) {
    const names = await tryListTags(place, reader);
    if (names !== undefined && names.length > 0) {
      return [...new Set(names)].filter(isModuleName).sort();
    }
  }
  return [];
}

/** Nothing is listed behind a proxy registry. */
export function openCatalog(selection: SourceSelection, reader: SourceReader): PluginCatalog {
  const placesFor = (name: string) =>
    placesOf(selection).map((place) => joinRepository(place, name));
  return {
    async listVersions(name) {
      if (selection.proxyRegistry) return [];
      for (const repository of placesFor(name)) {
        const tags = released((await tryListTags(repository, reader)) ?? []);
        if (tags.length > 0) return tags.reverse();
      }
      return [];
    },
    async readVersion(name, tag) {
      for (const repository of placesFor(name)) {
        // The list is known already; other places need not be asked
        if (!(await tryListTags(repository, reader))?.includes(tag)) continue;
        const manifest = await reader.findManifest(repository, tag);
        if (manifest) return readPlugin(name, { repository, reference: tag, manifest }, reader);
      }
      return undefined;
    },
  };
}

export async function readPlugin(
  name: string,
  image: FoundImage,
  reader: SourceReader,
): Promise<PluginVersion> {
  const holder = contractHolderOf(image.manifest);
  const child = holder && (await reader.findManifest(image.repository, holder));
  return { name, image, contract: readContract(child || image.manifest) };
}

/** Where plugins may live; the first place that has something counts. */
export function placesOf({ source }: SourceSelection): RepositoryReference[] {
  return sharedPlacesOf(source).map((place) => joinRepository(place, PLUGINS_DIRECTORY));
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
      "COMPONENT_DENIED",
      `Access to "${place}" is denied: no plugins are taken from it`,
    );
    return undefined;
  }
}

/** Ascending, without pre-releases. */
export function released(tags: readonly string[]): string[] {
  return sortTags(tags.filter((tag) => parseVersion(tag) !== undefined && !isPrerelease(tag)));
}
