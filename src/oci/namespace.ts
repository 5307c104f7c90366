const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-f0-9:]+\\])(?::([0-9]{1,5}))?$`);
/** Longest host name (RFC 1035, section 2.3.4), and room for a port. */
const LENGTH_LIMIT = 253 + 6;

/**
 * Whether a text names a registry the way clients do in their `ns` parameter and in their configuration: a host in
 * lower case, with a port if it is no usual one.
 */
export function isNamespace(text: string): boolean {
  if (text.length > LENGTH_LIMIT) return false;
  const match = HOST.exec(text);
  return match !== null && Number(match[1] ?? 1) > 0 && Number(match[1] ?? 1) < 65_536;
}

/** First labels of the host names that well-known registries are reached under behind host-routing mirrors. */
export const REGISTRY_LABELS: Readonly<Record<string, string>> = {
  docker: "docker.io",
  elastic: "docker.elastic.co",
  gcr: "gcr.io",
  ghcr: "ghcr.io",
  k8s: "registry.k8s.io",
  mcr: "mcr.microsoft.com",
  quay: "quay.io",
};

/** `docker.io` → `docker-registry`; any other host by its own name: `reg.example:5000` → `reg-example-5000`. */
export function hostLabelOf(namespace: string): string {
  const known = Object.entries(REGISTRY_LABELS).find(([, registry]) => registry === namespace);
  if (known) return `${known[0]}-registry`;
  const parts = namespace.split(/[^a-z0-9]+/);
  return parts.filter((part) => part !== "").join("-");
}
