import type { RepositoryReference } from "../oci/reference.ts";

const EDITIONS: ReadonlySet<string> = new Set(["ee", "fe", "se", "be", "se-plus", "ce"]);

/** Where things live that all editions share: `host/acme/ee` → `host/acme`; any other source is its own root. */
export function bareRootOf(source: RepositoryReference): RepositoryReference {
  const segments = source.repository.split("/");
  if (!EDITIONS.has(segments.at(-1) ?? "")) return source;
  return { registry: source.registry, repository: segments.slice(0, -1).join("/") };
}

/** The bare root first; then the source itself, which is where a push puts them. */
export function sharedPlacesOf(source: RepositoryReference): readonly RepositoryReference[] {
  const bare = bareRootOf(source);
  return bare === source ? [source] : [bare, source];
}
