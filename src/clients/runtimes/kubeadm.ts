import { OptionInvalidError } from "../../errors.ts";
import type { ClientDocuments } from "../client-document.ts";
import { endpointOf } from "../endpoint.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";

const KUBERNETES_REGISTRY = "registry.k8s.io";

export const KUBEADM: Runtime = {
  name: "kubeadm",
  describe: "kubeadm: images of the cluster itself by the mirror's name",
  directory: "/etc/kubernetes",
  forms: ["path", "host"],
  takesWildcard: false,
  plan: planKubeadm,
};

function planKubeadm({ routes, form }: RuntimeRequest): ClientDocuments {
  if (!routes.namespaces.includes(KUBERNETES_REGISTRY)) {
    const reason = `kubeadm takes its images from "${KUBERNETES_REGISTRY}" only, which is not among them`;
    throw new OptionInvalidError("namespaces", reason);
  }
  const { location } = endpointOf(routes, KUBERNETES_REGISTRY, form);
  return {
    documents: [
      {
        path: "kubeadm-images.yaml",
        content: {
          format: "yaml",
          values: [
            {
              apiVersion: "kubeadm.k8s.io/v1beta4",
              kind: "ClusterConfiguration",
              imageRepository: location,
              // Only for its own default does kubeadm put the second "coredns" into the path by itself
              dns: { imageRepository: `${location}/coredns` },
            },
          ],
        },
        applies: "with kubeadm init --config, or kubeadm config images pull --config",
        validFor: "kubeadm 1.31 and newer; with v1beta3 in its first line from 1.22 on",
      },
    ],
    steps: [
      `Let the container runtime use ${location}/pause for sandboxes: kubeadm does not tell it`,
    ],
  };
}
