import { OptionInvalidError } from "../../errors.ts";
import type { ClientDocuments } from "../client-document.ts";
import { endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

export const MINIKUBE: Runtime = {
  name: "minikube",
  describe: "minikube: the command that starts it",
  directory: "/etc/mirror",
  forms: ["path", "host"],
  takesWildcard: false,
  plan: planMinikube,
};

function planMinikube({ routes, form }: RuntimeRequest): ClientDocuments {
  const { scheme, path } = routes;
  const isForHub = routes.namespaces.includes(HUB);
  if (isForHub && path !== "") throw pathRefused(path);
  const used = [HUB, KUBERNETES].filter((name) => routes.namespaces.includes(name));
  const hosts = [...new Set(used.map((name) => endpointOf(routes, name, form).host))];
  const isInsecure = scheme === "http" || routes.skipVerify;
  const kubernetes = routes.namespaces.includes(KUBERNETES)
    ? [`--image-repository=${endpointOf(routes, KUBERNETES, form).location}`]
    : [];
  const words = [
    "exec minikube start",
    ...(isForHub ? [`--registry-mirror=${scheme}://${endpointOf(routes, HUB, form).host}`] : []),
    ...(isInsecure ? hosts.map((host) => `--insecure-registry=${host}`) : []),
    ...kubernetes,
    '"$@"',
  ];
  return {
    documents: [
      {
        path: "start-minikube.sh",
        content: { format: "text", text: `${words.join(" \\\n  ")}\n`, comment: "#" },
        applies: "when the cluster is made; later starts ignore these flags",
        validFor: "minikube 1.30 and newer with the Docker driver",
      },
    ],
    steps: ["In the node, localhost is the node: give the mirror an address that it reaches"],
    notices: [
      {
        code: "CLIENT_LIMIT",
        message:
          "minikube asks the mirror for Docker Hub's images only, and Docker Hub when it fails",
      },
      ...(isForHub && form === "path" ? [HUB_UNNAMED] : []),
    ],
  };
}

const HUB = "docker.io";
const KUBERNETES = "registry.k8s.io";

/** `--registry-mirror` is for the daemon in the node, which asks for `/v2/library/…` and nothing in front of it. */
const HUB_UNNAMED = {
  code: "CLIENT_LIMIT",
  message:
    "minikube does not say which registry it means: the mirror has to take names without one for Docker Hub's",
} as const;

function pathRefused(path: string): OptionInvalidError {
  const reason = `minikube takes no path such as "/${path}" for Docker Hub's images`;
  return new OptionInvalidError("mirror", reason, {
    hint: "Give the address of the mirror without a path, or leave docker.io out of the namespaces",
  });
}
