import type { RepositoryReference } from "./reference.ts";

/**
 * Repository path below the target of an image that is named by reference (docs/bundle-format.md, "images.tar"). The
 * host is part of it, so that images of two registries cannot collide: `ghcr.io/acme/web` → `ghcr.io/acme/web`,
 * `host:5000/web` → `host-5000/web`, `[::1]:5000/web` → `ipv6-z-1-5000/web` (`z` for the zeros that `::` stands for).
 */
export function targetPathOf({ registry, repository }: RepositoryReference): string {
  return `${targetHostOf(registry)}/${repository}`;
}

/** The first part of that path: a host without what a repository path cannot have. */
export function targetHostOf(registry: string): string {
  if (!registry.startsWith("[")) return registry.replace(":", "-");
  const parts = registry.replaceAll("::", ":z:").split(/[^a-z0-9]+/);
  return `ipv6-${parts.filter((part) => part !== "").join("-")}`;
}
