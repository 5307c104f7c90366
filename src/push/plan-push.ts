import type { BundledTag } from "../bundle/bundle-images.ts";
import type { LayoutTable } from "../bundle/bundle-reader.ts";
import type { ImageKind } from "../bundle/contents.ts";
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
  /** Names of modules, and the repository whose tags they become. */
  readonly discovery: readonly { readonly repository: RepositoryReference; readonly tag: string }[];
}

export interface PlanPushOptions {
  readonly target: RepositoryReference;
  /** Path of the modules below the target, without slashes at the ends. */
  readonly modulesPathSuffix: string;
}

/** Directory of modules inside a bundle. */
const MODULES = "modules";

/** Pure: where each tag of a bundle goes. Modules are moved to their suffix, everything else keeps its path. */
export function planPush(tags: readonly BundledTag[], options: PlanPushOptions): PushPlan {
  const images = new Map<string, PushImage & { tags: string[] }>();
  const modules = new Set<string>();
  for (const { layout, repository, tag, root, kind } of tags) {
    const path = placeModules(repository, options);
    const [first, name] = repository.split("/");
    if (layout.repository !== "" && first === MODULES && name) modules.add(name);
    const key = `${path}@${root.digest}`;
    const known = images.get(key);
    if (known) known.tags.push(tag);
    else {
      const target = joinRepository(options.target, path);
      images.set(key, { layout, target, repository: path, root, kind, tags: [tag] });
    }
  }
  const discovery = joinRepository(options.target, options.modulesPathSuffix);
  return {
    images: [...images.values()],
    discovery: [...modules].sort().map((tag) => ({ repository: discovery, tag })),
  };
}

function placeModules(repository: string, { modulesPathSuffix }: PlanPushOptions): string {
  const [first, ...rest] = repository.split("/");
  if (first !== MODULES || rest.length === 0) return repository;
  return [modulesPathSuffix, ...rest].filter((part) => part !== "").join("/");
}
