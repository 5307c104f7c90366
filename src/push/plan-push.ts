import type { BundledTag } from "../bundle/bundle-images.ts";
import type { LayoutTable } from "../bundle/layout-table.ts";
import type { ImageKind } from "../contents/contents.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { joinRepository, type RepositoryReference } from "../oci/reference.ts";

/** One root to publish, with all its tags. */
export interface PushImage {
  readonly layout: LayoutTable;
  readonly target: RepositoryReference;
  /** Repository path below the target. */
  readonly repository: string;
  readonly root: Descriptor;
  readonly tags: readonly string[];
  readonly kind: ImageKind;
}

export interface PushPlan {
  readonly images: readonly PushImage[];
  /** Names of modules, packages and plugins, and the repository whose tags they become. */
  readonly discovery: readonly { readonly repository: RepositoryReference; readonly tag: string }[];
}

export interface PlanPushOptions {
  readonly target: RepositoryReference;
  /** Path of the modules below the target, without slashes at the ends. */
  readonly modulesPath: string;
}

/** Directory of modules inside a bundle. */
const MODULES = "modules";

/** Directories whose names are published as tags, so that clusters and later pulls find what there is. */
const CATALOGS = [MODULES, "packages", "deckhouse-cli/plugins"];

/** Pure: where each tag of a bundle goes. Modules are moved to their suffix, everything else keeps its path. */
export function planPush(tags: readonly BundledTag[], options: PlanPushOptions): PushPlan {
  const images = new Map<string, PushImage & { tags: string[] }>();
  const names = new Map<string, string>();
  for (const { layout, repository, tag, root, kind } of tags) {
    const path = placeModules(repository, options);
    const member = layout.repository === "" ? undefined : memberOf(repository);
    if (member) names.set(`${member.catalog}/${member.name}`, member.catalog);
    const key = `${path}@${root.digest}`;
    const known = images.get(key);
    if (known?.tags.includes(tag)) continue;
    if (known) known.tags.push(tag);
    else {
      const target = joinRepository(options.target, path);
      images.set(key, { layout, target, repository: path, root, kind, tags: [tag] });
    }
  }
  return {
    images: [...images.values()],
    discovery: [...names]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([path, catalog]) => ({
        repository: joinRepository(
          options.target,
          catalog === MODULES ? options.modulesPath : catalog,
        ),
        tag: path.slice(catalog.length + 1),
      })),
  };
}

interface Member {
  readonly catalog: string;
  readonly name: string;
}

/** `modules/foo/release` → `foo` of `modules`. */
function memberOf(repository: string): Member | undefined {
  const catalog = CATALOGS.find((directory) => repository.startsWith(`${directory}/`));
  const [name] = repository.slice((catalog?.length ?? 0) + 1).split("/");
  return catalog && name ? { catalog, name } : undefined;
}

function placeModules(repository: string, { modulesPath }: PlanPushOptions): string {
  const [first, ...rest] = repository.split("/");
  if (first !== MODULES || rest.length === 0) return repository;
  return [modulesPath, ...rest].filter((part) => part !== "").join("/");
}
