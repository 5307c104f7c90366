import type { ClientDocument, ClientDocuments } from "../client-document.ts";
import { planInjection } from "../injection.ts";
import { checkAbsolutePath, checkClusterName } from "../plain-words.ts";
import type { Runtime, RuntimeRequest } from "../runtime.ts";
import { hostsDirectoryOf, planHostsTree } from "./containerd.ts";

export const KIND: Runtime = {
  name: "kind",
  describe: "kind: the cluster's configuration, and the tree that its nodes mount",
  directory: "/etc/mirror",
  forms: ["ns", "path", "host"],
  takesWildcard: true,
  plan: planKind,
};

/** Needed before the node images of kind 0.27, harmless later. */
const CONFIG_PATCH = `[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
`;

function planKind(request: RuntimeRequest): ClientDocuments {
  const { routes, form, options, formats } = request;
  const { workers } = options;
  const cluster = checkClusterName(options.cluster);
  const hostDirectory = checkAbsolutePath("hostDirectory", options.hostDirectory);
  const tree = planHostsTree(routes, form);
  const extraMounts = routes.namespaces.map((namespace) => ({
    hostPath: `${hostDirectory}/certs.d/${hostsDirectoryOf(namespace)}`,
    containerPath: `/etc/containerd/certs.d/${hostsDirectoryOf(namespace)}`,
    readOnly: true,
  }));
  const roles = ["control-plane", ...Array.from({ length: workers }, () => "worker")];
  const config: ClientDocument = {
    path: "kind.yaml",
    content: {
      format: "yaml",
      values: [
        {
          kind: "Cluster",
          apiVersion: "kind.x-k8s.io/v1alpha4",
          name: cluster,
          containerdConfigPatches: [CONFIG_PATCH],
          nodes: roles.map((role) => ({ role, extraMounts })),
        },
      ],
    },
    applies: "when the cluster is made: kind create cluster --config kind.yaml",
    validFor: "kind 0.20 and newer",
  };
  return {
    documents: [
      config,
      ...tree.map((document) => ({ ...document, path: `certs.d/${document.path}` })),
      planInjection(tree, {
        title: `the nodes of the kind cluster "${cluster}"`,
        nodes: `kind get nodes --name ${cluster}`,
        formats,
      }),
    ],
    steps: [
      `The nodes mount ${hostDirectory}/certs.d: put the tree there, or name its place`,
      "In a node, localhost is the node: give the mirror an address that nodes reach",
      "For a cluster that runs already, run inject.sh",
    ],
  };
}
