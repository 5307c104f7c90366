/** First label of the host names that registries are reached under behind a host-routing proxy. */
const LABELS: Readonly<Record<string, string>> = {
  "docker.io": "docker-registry",
  "registry.k8s.io": "k8s-registry",
  "gcr.io": "gcr-registry",
  "quay.io": "quay-registry",
  "docker.elastic.co": "elastic-registry",
  "ghcr.io": "ghcr-registry",
  "mcr.microsoft.com": "mcr-registry",
};

/** `docker.io` → `docker-registry`; any other host by its own name: `reg.example:5000` → `reg-example-5000`. */
export function hostLabelOf(namespace: string): string {
  return (
    LABELS[namespace] ??
    namespace
      .split(/[^a-z0-9]+/)
      .filter((part) => part !== "")
      .join("-")
  );
}
