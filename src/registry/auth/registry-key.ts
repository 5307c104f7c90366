/**
 * The one form of the many in which configuration files name a registry: `https://host/v1/` → `host`, all names of
 * Docker Hub → `docker.io`. Undefined for text that names no host.
 */
export function registryKey(text: string): string | undefined {
  const host = text
    .trim()
    .replace(/^[a-z]+:\/\//i, "")
    .replace(/[/?#].*$/s, "")
    .toLowerCase();
  if (!/^[\w.:[\]-]+$/.test(host)) return undefined;
  const isHub = HUB_HOSTS.has(host.replace(/:443$/, ""));
  return isHub ? "docker.io" : host;
}

/**
 * The part of a registry that a key of a credential file is for: `host/team/app` → `team/app`; empty: all of it. A scheme
 * or the path of an API version (`/v1/`, `/v2/`) makes it the address of a registry.
 */
export function namespaceOf(text: string): string {
  if (/^[a-z]+:\/\//i.test(text.trim())) return "";
  const path = /^[^/]*\/(.*?)\/?$/s.exec(text.trim())?.[1] ?? "";
  return /^v[12]$/.test(path) ? "" : path;
}

const HUB_HOSTS: ReadonlySet<string> = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
]);

/** How Docker asks helpers for a registry: Docker Hub has kept the address of its first API. */
export function helperKey(registry: string): string {
  const key = registryKey(registry) ?? registry;
  return key === "docker.io" ? "https://index.docker.io/v1/" : key;
}
