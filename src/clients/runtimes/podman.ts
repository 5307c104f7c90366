import type { ClientDocument, ClientDocuments } from "../client-document.ts";
import type { ClientRoutes } from "../client-routes.ts";
import { endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

export const PODMAN: Runtime = {
  name: "podman",
  describe: "Podman, Buildah, Skopeo and CRI-O",
  directory: "/etc/containers",
  forms: ["path", "host"],
  takesWildcard: false,
  plan: planPodman,
};

function planPodman({ routes, form }: RuntimeRequest): ClientDocuments {
  const isInsecure = routes.scheme === "http" || routes.skipVerify;
  const endpoints = routes.namespaces.map((namespace) => endpointOf(routes, namespace, form));
  const hosts = [...new Set(endpoints.map(({ host }) => host))];
  const registry = routes.namespaces.map((namespace, index) => ({
    // A table with a prefix only makes the whole file unreadable
    location: namespace,
    // The mirrors are still asked; what is refused is the registry itself
    ...(routes.fallback ? {} : { blocked: true }),
    mirror: [
      {
        location: endpoints[index]?.location ?? "",
        ...(isInsecure ? { insecure: true } : {}),
      },
    ],
  }));
  return {
    documents: [
      {
        path: "registries.conf.d/50-mirror.conf",
        content: { format: "toml", value: { registry } },
        applies: "at once; CRI-O after SIGHUP",
        validFor: "Podman 3 and newer, Buildah 1.19, Skopeo 1.2, CRI-O 1.20 and newer",
      },
      ...planTrust(routes, hosts),
    ],
    steps: [
      "A file $HOME/.config/containers/registries.conf of a user replaces these: put the same tables there",
      ...(routes.credential
        ? hosts.map((host) => `Log in under the mirror's own name: podman login ${host}`)
        : []),
    ],
    notices: routes.credential
      ? [
          {
            code: "CLIENT_SECRET",
            message: "registries.conf holds no passwords: clients find them in auth.json",
          },
        ]
      : [],
  };
}

function planTrust({ ca }: ClientRoutes, hosts: readonly string[]): ClientDocument[] {
  if (ca === undefined) return [];
  return hosts.map((host) => ({
    path: `certs.d/${host}/ca.crt`,
    content: { format: "text", text: ca },
    applies: "at once, without a restart",
    validFor: "all versions",
  }));
}
