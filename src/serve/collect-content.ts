import { parseRepositoryReference } from "../oci/reference.ts";
import { option } from "../option.ts";
import type { RegistryBackend } from "../server/backend.ts";
import { TagConflictError } from "./errors.ts";
import { canonicalNamespace } from "./namespace-names.ts";
import {
  collectRepositories,
  type OpenedBundle,
  type ServedRepositories,
  type TagConflict,
} from "./served-repository.ts";
import { createStoreBackend } from "./store-backend.ts";

export interface ContentOptions {
  /** Serves the images also under the names that a push to this `host/path` would give them. */
  readonly asTarget?: string | undefined;
  /** What counts when two bundles have one tag with different content; default: that is refused. */
  readonly prefer?: "last" | undefined;
}

/** All names under which the images of the bundles can be asked for. */
export interface ServedContent {
  /** By the registry that they stand for, as image names have it: `docker.io`, `reg.example:5000`. */
  readonly namespaces: ReadonlyMap<string, RegistryBackend>;
  /** What a registry of its own would have: repositories under the paths that a push gives them. */
  readonly target: RegistryBackend;
}

export function collectContent(
  bundles: readonly OpenedBundle[],
  options: ContentOptions,
): ServedContent {
  const conflicts: TagConflict[] = [];
  const target = collectRepositories(bundles, {
    place: ({ repository }) => repository,
    onConflict: (conflict) => conflicts.push(conflict),
  });
  refuseConflicts(conflicts, options);
  const namespaces = collectOrigins(bundles);
  if (options.asTarget !== undefined) {
    const { registry, repository: path } = parseRepositoryReference(options.asTarget);
    const moved = [...target].map(
      ([name, served]) => [name === "" ? path : `${path}/${name}`, served] as const,
    );
    namespaces.set(registry, new Map([...(namespaces.get(registry) ?? []), ...moved]));
  }
  const backends = [...namespaces].map(
    ([name, repositories]) => [name, createStoreBackend(repositories)] as const,
  );
  return { namespaces: new Map(backends), target: createStoreBackend(target) };
}

/** The images that were pulled by name, under the registries that they came from. */
function collectOrigins(bundles: readonly OpenedBundle[]): Map<string, ServedRepositories> {
  const registries = bundles.flatMap(({ store }) =>
    store.images.flatMap(({ origin }) => origin?.registry ?? []),
  );
  return new Map(
    [...new Set(registries)].sort().map((registry) => {
      const repositories = collectRepositories(bundles, {
        place: ({ origin }) => (origin?.registry === registry ? origin.repository : undefined),
        // The same tags are compared under their paths in the target
        onConflict: () => {},
      });
      return [canonicalNamespace(registry), repositories];
    }),
  );
}

function refuseConflicts(conflicts: readonly TagConflict[], { prefer }: ContentOptions): void {
  const [conflict] = conflicts;
  if (conflict === undefined || prefer === "last") return;
  const { image, first, second } = conflict;
  const others = conflicts.length === 1 ? "" : `, and ${conflicts.length - 1} more tags differ`;
  throw new TagConflictError(
    image,
    `"${first.bundlePath}" has ${first.root.digest}, "${second.bundlePath}" ${second.root.digest}${others}`,
    { hint: `Use ${option("prefer")} last to take such tags from the bundle that is named later` },
  );
}
