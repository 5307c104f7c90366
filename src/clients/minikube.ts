import type { ClientDocuments } from "./client-document.ts";
import { endpointOf } from "./endpoint.ts";
import type { Runtime, RuntimeRequest } from "./runtime.ts";

export const MINIKUBE: Runtime = {
  name: "minikube",
  describe: "minikube: the command that starts it",
  directory: "/etc/mirror",
  forms: ["path", "host"],
  takesWildcard: false,
  plan: planMinikube,
};

function planMinikube({ routes, form }: RuntimeRequest): ClientDocuments {
  const { scheme, host } = routes;
  const isInsecure = scheme === "http" || routes.skipVerify;
  const kubernetes = routes.namespaces.includes("registry.k8s.io")
    ? [`--image-repository=${endpointOf(routes, "registry.k8s.io", form).location}`]
    : [];
  const words = [
    "exec minikube start",
    ...(routes.namespaces.includes("docker.io") ? [`--registry-mirror=${scheme}://${host}`] : []),
    ...(isInsecure ? [`--insecure-registry=${host}`] : []),
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
    ],
  };
}
