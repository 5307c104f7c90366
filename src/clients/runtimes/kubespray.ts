import type { ClientDocuments, PlainObject } from "../client-document.ts";
import { endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

export const KUBESPRAY: Runtime = {
  name: "kubespray",
  describe: "kubespray: variables of the inventory",
  directory: "/etc/mirror",
  forms: ["path", "host"],
  takesWildcard: false,
  plan: planKubespray,
};

/** Variables that rename the registries of kubespray's own images. */
const REPOSITORY_VARIABLES: Readonly<Record<string, string>> = {
  "registry.k8s.io": "kube_image_repo",
  "gcr.io": "gcr_image_repo",
  "docker.io": "docker_image_repo",
  "quay.io": "quay_image_repo",
  "ghcr.io": "github_image_repo",
};

function planKubespray({ routes, form }: RuntimeRequest): ClientDocuments {
  const isInsecure = routes.scheme === "http" || routes.skipVerify;
  const places = routes.namespaces.map((name) => ({
    name,
    endpoint: endpointOf(routes, name, form),
  }));
  const renamed = places.flatMap(({ name, endpoint }) => {
    const variable = REPOSITORY_VARIABLES[name];
    return variable === undefined ? [] : [[variable, endpoint.location] as const];
  });
  const containerd = places.map(({ name, endpoint }) => ({
    prefix: name,
    ...(routes.fallback ? {} : { server: endpoint.url }),
    mirrors: [
      {
        host: endpoint.url,
        capabilities: ["pull", "resolve"],
        skip_verify: routes.skipVerify,
        override_path: endpoint.isLiteral,
      },
    ],
  }));
  const crio = places.map(({ name, endpoint }) => ({
    prefix: name,
    location: name,
    insecure: false,
    blocked: !routes.fallback,
    unqualified: false,
    mirrors: [{ location: endpoint.location, insecure: isInsecure }],
  }));
  const value: PlainObject = {
    ...Object.fromEntries(renamed),
    containerd_registries_mirrors: containerd,
    crio_registries: crio,
  };
  return {
    documents: [
      {
        path: "group_vars/all/mirror.yml",
        content: { format: "yaml", values: [value] },
        applies: "with the next run of the playbook",
        validFor: "kubespray 2.25 and newer",
      },
    ],
    steps: [
      "Its list of images for offline clusters (temp/images.list) is what a pull takes as a list of images",
      ...(routes.ca === undefined ? [] : ["Put the mirror's authority where the nodes trust it"]),
    ],
  };
}
