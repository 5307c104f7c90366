import {
  formatRequirement,
  isMet,
  type PluginContract,
  type Requirement,
  type TakenVersions,
  unmetOf,
} from "../../documents/plugin-contract.ts";
import { isModuleName } from "../../grammar/selector.ts";
import type { FoundImage } from "../source-reader.ts";

/** One version of a plugin. */
export interface PluginVersion {
  readonly name: string;
  readonly image: FoundImage;
  /** Missing: it cannot be read. */
  readonly contract?: PluginContract | undefined;
}

/** The plugins of a source. */
export interface PluginCatalog {
  /** Tags of the released versions, the newest first. */
  listVersions(name: string): Promise<readonly string[]>;
  readVersion(name: string, tag: string): Promise<PluginVersion | undefined>;
}

export interface NeedsOptions {
  readonly catalog: PluginCatalog;
  readonly taken: TakenVersions;
  /** Versions that are taken already: one that will do is not taken twice. */
  readonly chosen: readonly PluginVersion[];
  /** A plugin that somebody named is taken although the cluster may lack something: this is told what. */
  readonly onUnmet?: ((version: PluginVersion, unmet: string) => void) | undefined;
}

/** Plugins that every installation of the command line has. */
const BUILT_IN: ReadonlySet<string> = new Set(["delivery-kit", "package"]);

/** The plugins that a version needs, and those that they need; or why that is not possible. */
export async function findNeeds(
  version: PluginVersion,
  options: NeedsOptions,
): Promise<readonly PluginVersion[] | string> {
  const added: PluginVersion[] = [];
  const reason = await addNeeds(version, { ...options, added, path: [version.name] });
  return reason ?? added;
}

interface Search extends NeedsOptions {
  /** Found so far; a branch that fails takes its own away again. */
  readonly added: PluginVersion[];
  /** Names from the first plugin to this one. */
  readonly path: readonly string[];
}

async function addNeeds({ contract }: PluginVersion, search: Search): Promise<string | undefined> {
  for (const need of contract?.plugins.mandatory ?? []) {
    if (BUILT_IN.has(need.name) || isThere(need, search)) continue;
    const reason = await addNeed(need, search);
    if (reason !== undefined) return `needs plugin ${formatRequirement(need)}: ${reason}`;
  }
  return undefined;
}

function isThere(need: Requirement, { added, chosen }: Search): boolean {
  return [...chosen, ...added].some(
    ({ name, image }) => name === need.name && isMet(need, image.reference),
  );
}

/** The newest version that will do and whose own needs can be met. */
async function addNeed(need: Requirement, search: Search): Promise<string | undefined> {
  const { added, catalog, path } = search;
  if (path.includes(need.name)) return `they need each other (${path.join(", ")})`;
  // The name is from a contract, and becomes a path
  const tags = isModuleName(need.name) ? await catalog.listVersions(need.name) : [];
  let first: string | undefined;
  for (const tag of tags.filter((candidate) => isMet(need, candidate))) {
    const version = await catalog.readVersion(need.name, tag);
    const before = added.length;
    const reason = version
      ? await refusalOf(version, { ...search, path: [...path, need.name] })
      : "it is not there";
    if (version !== undefined && reason === undefined) {
      added.push(version);
      return undefined;
    }
    added.length = before;
    first ??= `${tag}: ${reason}`;
  }
  return first ?? "the source has no such version";
}

async function refusalOf(version: PluginVersion, search: Search): Promise<string | undefined> {
  if (version.contract === undefined) return "its contract cannot be read";
  const unmet = unmetOf(version.contract, search.taken);
  if (unmet !== undefined && search.onUnmet === undefined) return unmet;
  if (unmet !== undefined) search.onUnmet?.(version, unmet);
  return addNeeds(version, search);
}
