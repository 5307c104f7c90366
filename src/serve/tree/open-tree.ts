import { OptionInvalidError } from "../../errors.ts";
import { isRepositoryName } from "../../oci/reference.ts";
import type { RegistryBackend } from "../../server/backend.ts";
import type { ServedContent } from "../collect-content.ts";
import { createFallbackBackend } from "../fallback-backend.ts";
import { canonicalNamespace } from "../namespace-names.ts";
import { createTreeBackend, type Tree } from "./tree-backend.ts";
import { TreeBlobs } from "./tree-blobs.ts";
import { TreeFiles } from "./tree-files.ts";

export interface TreeOptions {
  /** Directories of registries as files, as an export of the form `static` writes them; read-only. What several have is taken from the first. */
  readonly trees?: readonly string[] | undefined;
}

export interface OpenTreeOptions extends TreeOptions {
  readonly defaultNamespace?: string | undefined;
  readonly writable?: string | undefined;
}

export interface OpenedTrees extends AsyncDisposable {
  /** One for each tree. */
  readonly contents: readonly ServedContent[];
}

export async function openTrees(options: OpenTreeOptions): Promise<OpenedTrees> {
  const { trees = [] } = options;
  const blobs = new TreeBlobs();
  const contents: ServedContent[] = [];
  for (const tree of trees) contents.push(await openTree(tree, { ...options, blobs }));
  return { contents, [Symbol.asyncDispose]: () => blobs[Symbol.asyncDispose]() };
}

/** Repositories lie below `v2`, or in the tree itself, and those of a registry below its name. */
async function openTree(
  tree: string,
  { blobs, defaultNamespace, writable }: OpenTreeOptions & Pick<Tree, "blobs">,
): Promise<ServedContent> {
  const files = await TreeFiles.open(tree);
  const base = (await files.isDirectory("v2")) ? ["v2"] : [];
  const entries = (await files.list(...base)) ?? [];
  const names = entries
    .filter((entry) => entry.isDirectory() && isRepositoryName(entry.name))
    .map(({ name }) => name)
    .filter((name) => name !== "blobs");
  if (names.length === 0) {
    throw new OptionInvalidError("trees", `there is no repository in "${tree}"`, {
      hint: "Name the directory that an export of the form static has written",
    });
  }
  const target = createTreeBackend({ blobs, files }, base);
  const namespaces = new Map(
    names.filter(isHost).map((name) => {
      return [registryOf(name), createTreeBackend({ blobs, files }, [...base, name])] as const;
    }),
  );
  // Names without a registry are of the one that the user says
  if (defaultNamespace !== undefined && defaultNamespace !== writable) {
    const namespace = canonicalNamespace(defaultNamespace);
    if (!namespaces.has(namespace)) namespaces.set(namespace, target);
  }
  return { namespaces, target };
}

/** Bundles first, as everywhere. */
export function addTree(content: ServedContent, tree: ServedContent): ServedContent {
  const namespaces = new Map(content.namespaces);
  for (const [namespace, backend] of tree.namespaces) {
    const own = namespaces.get(namespace);
    namespaces.set(namespace, own ? joinBackends(own, backend) : backend);
  }
  return { namespaces, target: joinBackends(content.target, tree.target) };
}

function joinBackends(first: RegistryBackend, second: RegistryBackend): RegistryBackend {
  return {
    ...createFallbackBackend(first, second),
    async listRepositories() {
      const [own, others] = [await first.listRepositories(), await second.listRepositories()];
      return new Set([...own, ...others]);
    },
  };
}

/** Only hosts have dots in the first part of a name, but for that of this machine. */
function isHost(name: string): boolean {
  return name.includes(".") || /^localhost(?:-\d+)?$/.test(name);
}

/** A name in a tree has no colon: `reg.example-5000` → `reg.example:5000`; no domain ends with a number after a hyphen. */
function registryOf(directory: string): string {
  return directory.replace(/-(\d{1,5})$/, ":$1");
}
