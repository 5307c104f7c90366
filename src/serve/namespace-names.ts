import { REGISTRY_LABELS } from "../oci/namespace.ts";

/** Names that Docker Hub goes by. */
const DOCKER_HUB: ReadonlySet<string> = new Set(["index.docker.io", "registry-1.docker.io"]);

/** The registry as image names have it: `registry-1.docker.io` → `docker.io`. */
export function canonicalNamespace(name: string): string {
  const host = name.toLowerCase();
  return DOCKER_HUB.has(host) ? "docker.io" : host;
}

/**
 * The namespace that a host name stands for, by an exact entry, or by a wildcard: with `*.mirror.lan`,
 * `quay.mirror.lan` and `quay-registry.mirror.lan` are `quay.io`, and `reg-example-com.mirror.lan` is `reg.example.com`.
 */
export function namespaceOfHost(
  header: string,
  hosts: ReadonlyMap<string, string>,
): string | undefined {
  const host = header.toLowerCase().replace(/:\d+$/, "");
  const exact = hosts.get(host);
  if (exact !== undefined) return exact;
  const dot = host.indexOf(".");
  const mapped = dot < 0 ? undefined : hosts.get(`*${host.slice(dot)}`);
  if (mapped === undefined || mapped !== "*") return mapped;
  const label = host.slice(0, dot).replace(/-registry$/, "");
  return REGISTRY_LABELS[label] ?? label.replaceAll("-", ".");
}
