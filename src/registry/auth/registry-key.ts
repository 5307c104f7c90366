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
  if (host === "" || /[\s@]/.test(host)) return undefined;
  const isHub = HUB_HOSTS.has(host.replace(/:443$/, ""));
  return isHub ? "docker.io" : host;
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
